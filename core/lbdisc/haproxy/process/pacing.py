"""How many lines of HAProxy's pass: it writes one for each server that is down, at every reload."""

import time
from collections import Counter
from collections.abc import Callable

MOST = 100  # lines of one level
WITHIN = 60.0  # seconds


class LinePace:
    """``MOST`` lines of each level pass ``WITHIN`` some time, the others are counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = clock()
        self._passed: Counter[str] = Counter()
        self._left_out = 0

    def lets_pass(self, level: str) -> bool:
        """Whether a line of that ``level`` is to be written; it counts either way."""
        self._passed[level] += 1
        passes = self._passed[level] <= MOST
        self._left_out += not passes
        return passes

    def left_out(self) -> int:
        """How many did not pass, once when their time is over; then it begins anew."""
        if self._clock() - self._begun < WITHIN:
            return 0
        count, self._left_out, self._begun = self._left_out, 0, self._clock()
        self._passed.clear()
        return count
