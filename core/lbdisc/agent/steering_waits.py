"""What waits while an agent is paused: looked at after each news, and never all the time."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from lbdisc.agent.bringing import Bringing
from lbdisc.agent.steering_words import waiting_words
from lbdisc.errors import LbdiscError
from lbdisc.values import Change, Snapshot

APART = 0.5  # seconds between two looks
SHARE = 20  # a look may take at most this part of the time


class PausedLooks:
    """Tells ``say`` what waits in ``bringing``, and ``None`` where nothing is kept waiting."""

    def __init__(
        self,
        bringing: Bringing,
        say: Callable[[Mapping[str, Any] | None], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bringing = bringing
        self._say = say
        self._clock = clock
        self._seen: tuple[object, object] | None = None
        self._next = float("-inf")
        self.paused = False

    @property
    def due(self) -> float | None:
        """When there is something to look at."""
        return self._next if self.paused and self._is_news else None

    @property
    def _is_news(self) -> bool:
        running, snapshot = self._bringing.running, self._bringing.desired.snapshot
        return self._seen is None or self._seen[0] is not running or self._seen[1] is not snapshot

    def anew(self, *, paused: bool) -> None:
        """It is ``paused`` or not; whatever was seen may have changed."""
        self.paused, self._seen = paused, None
        if not paused:
            self._say(None)

    def turn(self) -> None:
        """Look, if there is news and it is time."""
        now = self._clock()
        if not self.paused or now < self._next or not self._is_news:
            return
        self._seen = self._bringing.running, self._bringing.desired.snapshot
        self._say(waiting_words(*_waiting(self._bringing)))
        end = self._clock()
        self._next = end + max(APART, SHARE * (end - now))


def _waiting(bringing: Bringing) -> tuple[Change, str, str]:
    """The changes that wait, how they would be applied, and why so."""
    running, desired = bringing.running, bringing.desired
    before = running.snapshot if running else Snapshot()
    try:
        wanted, _ = desired.rendered()
        how = desired.planned(running).how
    except LbdiscError as error:
        return desired.served.since(before), "nothing", str(error)
    return wanted.since(before), str(how), how.detail
