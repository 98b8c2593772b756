"""The hooks of lbdisc-lab."""

from typing import TYPE_CHECKING

from lbdisc.hooks import hookimpl

if TYPE_CHECKING:
    import typer


@hookimpl
def lbdisc_commands(app: "typer.Typer") -> None:
    """Adds ``lbdisc demo``."""
    from lbdisc_lab.demo.options import demo

    app.command("demo")(demo)
