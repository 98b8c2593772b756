"""What happens when, one event after the other."""

import heapq
from collections.abc import Callable
from typing import Any


class EventQueue:
    """``now`` is in seconds; what is planned for the same moment happens in the order of planning.

    A heap of callbacks: the same model on simpy, with its processes as generators, takes three
    times as long (docs/compare.md), and gossip has no process that would read better as one.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.happened = 0
        self._planned: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0

    def plan(self, at: float, call: Callable[..., None], *arguments: Any) -> None:
        """``call`` it at ``at``, or now if that is past."""
        self._number += 1
        heapq.heappush(self._planned, (max(at, self.now), self._number, call, arguments))

    def run(self, until: float) -> None:
        """Let happen what is planned up to ``until``."""
        planned = self._planned
        while planned and planned[0][0] <= until:
            self.now, _, call, arguments = heapq.heappop(planned)
            self.happened += 1
            call(*arguments)
        self.now = until
