"""Orders that are refused, in the log: each is a line, and nobody fills the log with them."""

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

import structlog

MOST, WITHIN = 30, 60.0  # lines in so many seconds; of more the count tells
_log = structlog.get_logger("lbdisc.control")


class Refusals:
    """May be told by any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._told: deque[float] = deque(maxlen=MOST)
        self._passed = 0

    def tell(self, by: str, because: str, **order: str) -> None:
        """``by`` was refused what ``order`` says, if anything, ``because`` of that."""
        now = self._clock()
        with self._lock:
            if len(self._told) == MOST and now - self._told[0] < WITHIN:
                self._passed += 1
                return
            self._told.append(now)
            passed, self._passed = self._passed, 0
        known = {name: text for name, text in order.items() if text}
        more = {"passed": passed} if passed else {}
        _log.warning("order refused", by=by, because=because, **known, **more)
