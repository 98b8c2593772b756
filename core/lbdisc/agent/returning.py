"""Who had a place and is back after a short while: whoever came to it meanwhile gives it up again.

A node that restarts leaves for a moment. Without this, a flood of entries that wait for a place
would take the nodes' places one after the other.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush

Key = tuple[str, str]  # service and name
KEPT = 600.0  # seconds for which somebody may be away
MOST = 20_000  # who left last is remembered
SLACK = 1000  # who is out of a heap's date


class Returns:
    """Whose places are kept; times are seconds of ``clock``. Costs what comes, leaves or returns.

    ``turn`` counts who comes for the first time: the higher, the later.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._turn = 0
        self._here: dict[Key, int] = {}  # when each came
        self._newest: dict[str, list[tuple[int, Key]]] = {}  # by service, the latest first
        self._left: OrderedDict[Key, tuple[int, int, float]] = OrderedDict()

    def comes(self, key: Key) -> None:
        """It has a place; one that is back is not younger than it was."""
        left = self._recall(key)
        if left is None:
            self._turn += 1
        came = self._turn if left is None else left[0]
        self._here[key] = came
        heap = self._newest.setdefault(key[0], [])
        heappush(heap, (-came, key))
        if len(heap) > 2 * len(self._here) + SLACK:
            self._newest[key[0]] = [each for each in set(heap) if self._is_true(each)]
            heapify(self._newest[key[0]])

    def leaves(self, key: Key) -> None:
        """It is gone, and had a place."""
        self._left[key] = self._here.pop(key, 0), self._turn, self._clock()
        self._left.move_to_end(key)
        if len(self._left) > MOST:
            self._left.popitem(last=False)

    def takes_back(self, key: Key, services: Iterable[str]) -> Key | None:
        """Who gives up a place for ``key``: who came last of those that came since it left.

        Those of its own service first, then of the ``services``. ``key`` has the place then.
        """
        left = self._left.get(key)
        if left is None or left[2] < self._clock() - KEPT:
            return None
        other = self._pop([key[0]], left[1]) or self._pop(services, left[1])
        if other is not None:
            self.comes(key)
        return other

    def _recall(self, key: Key) -> tuple[int, int, float] | None:
        left = self._left.pop(key, None)
        return None if left is None or left[2] < self._clock() - KEPT else left

    def _pop(self, services: Iterable[str], since: int) -> Key | None:
        tops = [top for service in services if (top := self._top(service)) is not None]
        if not tops or -min(tops)[0] <= since:
            return None
        _, key = heappop(self._newest[min(tops)[1][0]])
        del self._here[key]
        return key

    def _top(self, service: str) -> tuple[int, Key] | None:
        heap = self._newest.get(service, [])
        while heap and not self._is_true(heap[0]):
            heappop(heap)
        return heap[0] if heap else None

    def _is_true(self, each: tuple[int, Key]) -> bool:
        return self._here.get(each[1]) == -each[0]
