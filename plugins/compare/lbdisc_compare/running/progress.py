"""Says how far a comparison is, a line for each cell."""

import sys
import time
from collections.abc import Sequence

from lbdisc_compare.measures.measure import Scale
from lbdisc_compare.running.schedule import Cell, seconds


class Meter:
    """Counts cells, and estimates from the time that the ones before really took."""

    def __init__(self, cells: Sequence[Cell], scale: Scale) -> None:
        self._left = list(cells)
        self._count = len(cells)
        self._scale = scale
        self._estimated = 0.0
        self._began = time.monotonic()

    def opening(self) -> str:
        about = seconds(self._left, self._scale)
        return f"{self._count} cells, about {_minutes(about)}"

    def tell(self, cell: Cell, result: str) -> None:
        """``cell`` has ended."""
        self._left.remove(cell)
        self._estimated += seconds([cell], self._scale)
        done = self._count - len(self._left)
        words = f"{done}/{self._count}  {cell}" + (f": {result}" if result else "")
        sys.stderr.write(f"{words}; {_minutes(self.left())} left\n")

    def left(self) -> float:
        """Seconds, as the pace so far has it."""
        took = time.monotonic() - self._began
        pace = took / self._estimated if self._estimated else 1.0
        return seconds(self._left, self._scale) * pace


def _minutes(duration: float) -> str:
    return f"{duration:.0f} s" if duration < 90 else f"{duration / 60:.0f} min"
