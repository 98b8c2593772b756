"""How many a service has, and the most that it had a short while ago."""

from collections import deque
from dataclasses import dataclass

from lbdisc.agent.places import Place
from lbdisc.values import Endpoint

PARTS = 100  # of the window; what happens within one of them counts as at once


@dataclass(frozen=True, slots=True)
class Vanished:
    """An endpoint that vanished ``at`` a time without having drained, and had ``come`` before."""

    endpoint: Endpoint
    at: float
    came: float


class Pool:
    """The endpoints of one service that take traffic. Times are seconds of the caller's clock.

    ``here`` holds who is at a place and since when, ``lost`` who went without a word within
    ``window``. ``kept`` is the most that there were when something was held, for as long as
    something is, else 0.
    """

    def __init__(self, window: float) -> None:
        self._window = window
        self._samples: deque[tuple[float, int]] = deque()  # until when there were how many
        self.here: dict[Place, tuple[Endpoint, float]] = {}
        self.lost: dict[Place, Vanished] = {}
        self.kept = 0

    def begin(self, now: float) -> None:
        """Something is about to change: remember how many there were until ``now``."""
        count = len(self.here)
        if self._samples and self._samples[-1][0] > now - self._window / PARTS:
            count = max(count, self._samples.pop()[1])
        self._samples.append((now, count))
        self._forget_old(now)

    def came(self, place: Place) -> float | None:
        """Since when it is here, or was when it got lost."""
        if place in self.here:
            return self.here[place][1]
        return self.lost[place].came if place in self.lost else None

    def comes(self, endpoint: Endpoint, now: float) -> None:
        """It takes traffic, for the first time, again, or still and is another."""
        place = Place.of(endpoint)
        came = self.came(place)
        self.lost.pop(place, None)
        self.here[place] = endpoint, now if came is None else came

    def vanishes(self, place: Place, now: float) -> None:
        """It is gone without a word."""
        endpoint, came = self.here.pop(place)
        self.lost[place] = Vanished(endpoint, now, came)

    def leaves(self, place: Place, came: float | None = None) -> None:
        """It is rightly gone: no loss, and not to be counted in what was there before.

        ``came`` tells since when it was here, where that is not known any more.
        """
        known = self.came(place)
        since = came if known is None else known
        self.here.pop(place, None)
        self.lost.pop(place, None)
        if since is None:
            return
        self._samples = deque(
            (until, count - 1 if until > since else count) for until, count in self._samples
        )
        self.kept = max(self.kept - 1, 0)

    def most(self, now: float) -> int:
        """The most that there were within the window, without those that left rightly."""
        self._forget_old(now)
        return max(self.kept, len(self.here), *(count for _, count in self._samples), 0)

    def _forget_old(self, now: float) -> None:
        while self._samples and self._samples[0][0] < now - self._window:
            self._samples.popleft()
        for place in [p for p, lost in self.lost.items() if lost.at < now - self._window]:
            del self.lost[place]
