"""When files end that are good for a while after they were touched; pure."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

INFINITE = float("inf")
SLACK = 1000  # ends that were put off, and are never worth looking for


class Leases:
    """The ends of files by path, in seconds of the caller's clock; ``end_of`` is the true one now.

    Each call costs what has ended, however many there are.
    """

    def __init__(self, end_of: Callable[[str], float]) -> None:
        self._end_of = end_of
        self._heap: list[tuple[float, str]] = []
        self._most = SLACK

    def add(self, path: str) -> None:
        """The end of ``path`` is another."""
        end = self._end_of(path)
        if end == INFINITE:
            return
        heappush(self._heap, (end, path))
        if len(self._heap) > self._most:
            self._heap = [each for each in set(self._heap) if self._is_true(each)]
            heapify(self._heap)
            self._most = 2 * len(self._heap) + SLACK

    @property
    def next(self) -> float:
        """The first end that is still to come, infinite if there is none."""
        while self._heap and not self._is_true(self._heap[0]):
            heappop(self._heap)
        return self._heap[0][0] if self._heap else INFINITE

    def over(self, now: float) -> list[str]:
        """The paths that have ended since this was last asked."""
        ended = []
        while self.next <= now:
            ended.append(heappop(self._heap)[1])
        return ended

    def _is_true(self, each: tuple[float, str]) -> bool:
        return self._end_of(each[1]) == each[0]
