"""Who was at an address for long and is back after a short while is older there than who waited.

A node that restarts leaves for a moment. Without this, an entry with its address that waits for
that moment would speak for it from then on: that it drains, or is to get nothing.
"""

from collections import OrderedDict

Key = tuple[str, str]  # service and name
Where = tuple[str, int]  # address and port
STEADY = 60.0  # seconds in traffic, or listed, that count as long
KEPT = 600.0  # seconds for which somebody may be away
MOST = 20_000  # who left last is remembered


class Tenure:
    """Since when who left was there; times are seconds of the caller's clock."""

    def __init__(self) -> None:
        self._left: OrderedDict[tuple[Key, Where], tuple[float, float]] = OrderedDict()

    def leaves(self, key: Key, where: Where, *, came: float, now: float) -> None:
        """It was there, and counted, since it ``came``."""
        if now - came < STEADY:
            return
        self._left[key, where] = came, now
        self._left.move_to_end((key, where))
        if len(self._left) > MOST:
            self._left.popitem(last=False)

    def since(self, key: Key, where: Where, now: float) -> float:
        """Since when it is there, now that it is there again; ``now`` for a newcomer."""
        came, left = self._left.pop((key, where), (now, now))
        return came if now - left <= KEPT else now
