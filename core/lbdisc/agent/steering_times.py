"""Times of the wall clock that do not jump while the agent runs."""

import time
from collections.abc import Callable

import structlog

from lbdisc.boot import since_boot
from lbdisc.state.steered import JUMP

_log = structlog.get_logger("lbdisc.control")


class SteadyClock:
    """Unix seconds that go on at their pace; ``look`` tells by how much somebody set the clock."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = since_boot,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._ahead = wall() - steady()

    def now(self) -> float:
        return self._steady() + self._ahead

    def look(self) -> float:
        """By how many seconds the clock was set since the last call, 0 if it was not.

        All times of before are to be moved by that: what was to last for ten minutes still does.
        """
        moved = self._wall() - self.now()
        if abs(moved) < JUMP:
            return 0.0
        self._ahead += moved
        _log.warning("the clock was set: what has an end is moved with it", by_s=round(moved))
        return moved
