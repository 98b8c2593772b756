"""Times in which requests may be lost, because nothing could have served them.

A request that was open at any moment of such a time and got lost counts apart, with the reason; all
other losses are losses.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lbdisc_lab.traffic import Loss


@dataclass(frozen=True, slots=True)
class _Window:
    why: str
    start: float
    end: float


class Apart:
    """The windows, in Unix time."""

    def __init__(self) -> None:
        self._windows: list[_Window] = []

    @contextmanager
    def because(self, why: str) -> Iterator[None]:
        """What was open while this block ran, and got lost, counts apart."""
        start = time.time()
        try:
            yield
        finally:
            self._windows.append(_Window(why, start, time.time()))

    def why(self, loss: Loss) -> str:
        """Why this loss counts apart, empty if it does not."""
        end = loss.at + loss.after
        found = (w.why for w in self._windows if w.start <= end and loss.at <= w.end)
        return next(found, "")

    def real(self, losses: Sequence[Loss]) -> list[Loss]:
        """The losses that had no right to be."""
        return [loss for loss in losses if not self.why(loss)]

    def reasons(self, losses: Sequence[Loss]) -> dict[str, int]:
        """How many of them count apart, by the reason."""
        return dict(Counter(why for loss in losses if (why := self.why(loss))))
