"""The hooks of lbdisc-history. Everything heavy is imported when it is needed, not before."""

from typing import TYPE_CHECKING, Any

from lbdisc.hooks import Listener, Provider, hookimpl

if TYPE_CHECKING:
    pass


@hookimpl
def lbdisc_listener() -> Provider[Any, Listener]:
    from lbdisc_history.settings import HistorySettings, listener

    return Provider("history", HistorySettings, listener)
