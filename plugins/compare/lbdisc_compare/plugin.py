"""The hooks of lbdisc-compare."""

from typing import TYPE_CHECKING

from lbdisc.hooks import hookimpl

if TYPE_CHECKING:
    import typer


@hookimpl
def lbdisc_commands(app: "typer.Typer") -> None:
    """Adds ``lbdisc compare``."""
    from lbdisc_compare.options import compare

    app.command("compare")(compare)
