"""Looks at the load balancer while nothing is to be applied: does it run what it should?"""

from lbdisc import events
from lbdisc.errors import LbdiscError
from lbdisc.generation import Generation
from lbdisc.hooks import Reloader, Tends
from lbdisc.listening.listeners import Tell
from lbdisc.listening.repeats import Repeats
from lbdisc.planned import Applied

LIFE_SIGN = 1.0  # seconds between two cheap looks


class Looks:
    """A cheap look each second, a thorough one every ``verify_every`` seconds; times as seconds."""

    def __init__(self, reloader: Reloader, tell: Tell) -> None:
        self._reloader = reloader
        self._tell = tell
        self._failures = Repeats()
        self._thorough = 0.0
        self.next = 0.0

    def plan(self, now: float, *, verify_every: float, thorough: bool) -> None:
        """A look was just taken: when the next ones are due."""
        self.next = now + LIFE_SIGN
        if thorough:
            self._thorough = now + verify_every

    def difference(self, running: Generation, now: float, *, verify_every: float) -> str:
        """What differs between ``running`` and what runs; empty when they agree."""
        thorough = self._thorough <= now
        self.plan(now, verify_every=verify_every, thorough=thorough)
        return self._reloader.verify(running.rendered, thorough=thorough)

    def tend(self, running: Generation) -> Applied | None:
        """Let the reloader tidy up, where it can; what it did, if anything."""
        if not isinstance(self._reloader, Tends):
            return None
        number = running.number
        try:
            done = self._reloader.tend()
        except LbdiscError as error:
            times, text = self._failures.count("", str(error)), str(error)
            failed = events.TendFailed(generation=number, error=text, times=times, again=times > 1)
            self._tell(failed)
            return None
        self._failures.clear()
        if done is not None:
            self._tell(events.Tended(generation=number, how=str(done.how), detail=done.detail))
        return done
