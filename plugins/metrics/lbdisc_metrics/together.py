"""Several listeners as one."""

from collections.abc import Sequence

from lbdisc import events
from lbdisc.hooks import Listener


class Together:
    """All of ``listeners`` hear everything; where there are none, everything is passed over."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners

    def hear(self, event: events.Event) -> None:
        """One after the other, in this thread."""
        for listener in self._listeners:
            listener.hear(event)

    def close(self) -> None:
        """Nobody hears any more."""
        for listener in self._listeners:
            listener.close()
