"""Looks at the load balancer: does it run what it should? No stream of changes puts them off."""

from lbdisc import events
from lbdisc.abilities import Tends
from lbdisc.errors import LbdiscError
from lbdisc.generation import Generation
from lbdisc.hooks import Reloader
from lbdisc.listening.listeners import Tell
from lbdisc.listening.repeats import Repeats, masked
from lbdisc.planned import Applied

LIFE_SIGN = 1.0  # seconds between two cheap looks
EARLIER = 0.25  # of the time between two thorough looks


class Looks:
    """A cheap look and tidying up each second, a thorough look every ``verify_every`` seconds.

    Each has a time of its own, in seconds: an apply counts as the look that it took, and puts off
    no other. Thorough looks come a little earlier, by the ``share`` (0 to 1) that is the agent's
    own: a fleet that applied something together does not look together for ever.
    """

    def __init__(self, reloader: Reloader, tell: Tell, *, share: float = 0.0) -> None:
        self._reloader = reloader
        self._part = 1 - EARLIER * share
        self._tell = tell
        self._failures = Repeats()
        self._thorough = 0.0
        self._cheap = 0.0
        self._tend = 0.0
        self._known = ""  # what differs, and is being repaired or cannot be
        self._in_doubt = False

    @property
    def next(self) -> float:
        """When something is due."""
        return min(self._cheap, self._thorough, self._tend)

    @property
    def differs(self) -> bool:
        """Whether anything differed at the last look."""
        return bool(self._known)

    def anew(self) -> None:
        """Whatever differs now is news to whoever looks next."""
        self._known = ""

    def took(self, now: float, *, verify_every: float, thorough: bool) -> None:
        """An apply was verified, and runs."""
        self._known, self._in_doubt = "", False
        self._cheap = now + LIFE_SIGN
        if thorough:
            self._thorough = now + verify_every * self._part

    def doubt(self, running: Generation) -> None:
        """An apply failed: until one is good, only cheap signs that differ from now's are news."""
        self._known = masked(self._reloader.verify(running.rendered, thorough=False))
        self._in_doubt = True

    def difference(self, running: Generation, now: float, *, verify_every: float) -> str:
        """What differs newly between ``running`` and what runs; empty when they agree.

        Once something differs, every look is thorough until nothing does.
        """
        thorough = self._thorough <= now and not self._in_doubt
        self._cheap = now + LIFE_SIGN
        self._thorough = max(self._thorough, self._cheap)
        found = self._reloader.verify(running.rendered, thorough=thorough)
        if thorough and not found:
            self._thorough = now + verify_every * self._part
        known, self._known = self._known, masked(found)
        return found if self._known != known else ""

    def tend(self, running: Generation, now: float) -> Applied | None:
        """Let the reloader tidy up, where it can and it is time; what it did, if anything."""
        if self._tend > now:
            return None
        self._tend = now + LIFE_SIGN
        if self._known or self._in_doubt or not isinstance(self._reloader, Tends):
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
