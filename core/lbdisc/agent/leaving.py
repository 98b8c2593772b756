"""The last moments: a load balancer that is about to stop says so, and serves on for a while."""

from collections.abc import Callable
from threading import Event

from lbdisc import events
from lbdisc.abilities import Withdraws
from lbdisc.errors import LbdiscError
from lbdisc.hooks import Reloader
from lbdisc.listening.listeners import Tell


class Leave:
    """Whether it is time to end: when told to, and when the reloader's grace is over.

    ``hurry`` cuts that short. ``ends`` tells whether the load balancer is to be ended too.
    """

    def __init__(
        self,
        reloader: Reloader,
        tell: Tell,
        clock: Callable[[], float],
        *,
        hurry: Event,
        ends: Callable[[], bool],
    ) -> None:
        self._reloader = reloader
        self._tell = tell
        self._clock = clock
        self._hurry = hurry
        self._ends = ends
        self._until: float | None = None

    def over(self, stop: Event) -> bool:
        """To be asked about once a second; a worker that is new meanwhile is told as well."""
        if not stop.is_set():
            return False
        if self._hurry.is_set():
            return True
        grace = self._withdrawn()
        if self._until is None:
            self._until = self._clock() + grace
            if grace:
                self._tell(events.Withdrawn(grace_s=grace))
        return self._clock() >= self._until

    def _withdrawn(self) -> float:
        if not isinstance(self._reloader, Withdraws):
            return 0.0
        try:
            return self._reloader.withdraw(ends=self._ends())
        except LbdiscError as error:
            if self._until is None:
                self._tell(events.NotWithdrawn(error=str(error)))
            return 0.0
