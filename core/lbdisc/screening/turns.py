"""Who is asked for next, and how many at the same time."""

from collections.abc import Iterator
from heapq import heappop, heappush


class Turns:
    """A queue by time, of which no more than ``at_once`` are under way. Not for two threads."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._under_way = 0
        self._waiting: list[tuple[float, str]] = []

    def put(self, what: str, when: float) -> None:
        """Ask for ``what`` at that time."""
        heappush(self._waiting, (when, what))

    def due(self, now: float) -> Iterator[tuple[str, float]]:
        """Those that begin now, and when they were due; ``over`` has to follow for each."""
        while self._has_room and self._waiting and self._waiting[0][0] <= now:
            self._under_way += 1
            when, what = heappop(self._waiting)
            yield what, when

    def over(self) -> None:
        """One that began has ended."""
        self._under_way -= 1

    @property
    def next(self) -> float | None:
        """When the next one is due; ``None`` if none is before another has ended."""
        return self._waiting[0][0] if self._waiting and self._has_room else None

    @property
    def _has_room(self) -> bool:
        return self._under_way < self._at_once
