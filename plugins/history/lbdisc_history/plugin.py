"""The hooks of lbdisc-history. Everything heavy is imported when it is needed, not before."""

from typing import TYPE_CHECKING, Any

from lbdisc.hooks import Context, Listener, Provider, hookimpl

if TYPE_CHECKING:
    import typer


@hookimpl
def lbdisc_listener() -> Provider[Any, Listener]:
    from lbdisc_history.settings import HistorySettings, listener

    return Provider("history", HistorySettings, listener)


@hookimpl
def lbdisc_commands(app: "typer.Typer", context: Context) -> None:
    """Adds ``lbdisc history`` and what else looks into it."""
    from lbdisc_history.commands import add_to

    add_to(app, context)
