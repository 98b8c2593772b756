"""One log line for each event."""

from typing import Any

from lbdisc.hooks import Listener, NoSettings, Provider, hookimpl


@hookimpl
def lbdisc_listener() -> Provider[Any, Listener]:
    from lbdisc.builtin.journal.journal import Journal

    return Provider("journal", NoSettings, lambda _: Journal())
