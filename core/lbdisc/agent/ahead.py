"""What goes ahead of a reload that has to wait: whatever can be done at run time without it.

Leaves and drains first, then who comes, then other changes. Who takes a reload is found by halving.
Pure but for what the caller's ``passes`` asks.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lbdisc.values import Endpoint, Snapshot

ASKED = 24  # how often ``passes`` is asked at most
SHARE = 4  # the time between two looks is so many times that of a look


@dataclass(frozen=True, slots=True)
class Move:
    """One endpoint's part of a change: ``put`` it, or without one take ``key`` out."""

    key: tuple[str, str]
    put: Endpoint | None = None


def ahead(running: Snapshot, wanted: Snapshot, passes: Callable[[Snapshot], bool]) -> Snapshot:
    """As near to ``wanted`` as ``passes`` allows; ``running`` itself where nothing does."""
    found, left = running, ASKED
    for steps in _in_order(running, wanted):
        waiting = [steps] if steps else []
        while waiting and left:
            part, left = waiting.pop(0), left - 1
            tried = _after(found, part)
            if passes(tried):
                found = tried
            elif len(part) > 1:
                half = len(part) // 2
                waiting += [part[:half], part[half:]]
    return found


def _in_order(running: Snapshot, wanted: Snapshot) -> Iterator[Sequence[Move]]:
    change = wanted.since(running)
    rest = [e for e in change.changed if e.draining or not e.weight]
    yield [*(Move(e.key) for e in change.removed), *(Move(e.key, e) for e in rest)]
    yield [Move(e.key, e) for e in change.added]
    yield [Move(e.key, e) for e in change.changed if e not in rest]


def _after(snapshot: Snapshot, steps: Sequence[Move]) -> Snapshot:
    put = [step.put for step in steps if step.put is not None]
    return snapshot.patched(put, [step.key for step in steps if step.put is None])


class AheadLooks:
    """When to look: once for each snapshot that waits, and not all the time."""

    def __init__(self) -> None:
        self._seen: Snapshot | None = None
        self._next = float("-inf")

    def may(self, waiting: Snapshot | None, now: float) -> bool:
        """Whether to look at what waits."""
        return waiting is not self._seen and now >= self._next

    def looked(self, waiting: Snapshot | None, began: float, ended: float) -> None:
        """That took so long."""
        self._seen, self._next = waiting, ended + SHARE * (ended - began)

    def due(self, waiting: Snapshot | None) -> float | None:
        """When to look at what waits; ``None`` if that has been."""
        return None if waiting is self._seen else self._next
