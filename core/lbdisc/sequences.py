"""Where two long sequences are equal. Pure, and fast where most items are the same objects."""

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def common_ends(old: Sequence[Item], new: Sequence[Item]) -> tuple[int, int]:
    """How many items are equal at the start of both, and of the others at the end of both.

    Both are lists or both are tuples: slices are compared, which is the interpreter's own loop.
    """
    shorter = min(len(old), len(new))
    start = _common_start(old, new, shorter)
    rest = shorter - start
    return start, _common_end(old, new, rest)


def _common_start(old: Sequence[Item], new: Sequence[Item], most: int) -> int:
    low, high = 0, most + 1  # the first `low` items are equal, the first `high` are not
    while high - low > 1:
        middle = (low + high) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _common_end(old: Sequence[Item], new: Sequence[Item], most: int) -> int:
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _from_end(old, low, middle) == _from_end(new, low, middle):
            low = middle
        else:
            high = middle
    return low


def _from_end(items: Sequence[Item], low: int, high: int) -> Sequence[Item]:
    return items[len(items) - high : len(items) - low]


def changed_part(old: Sequence[Item], new: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    """What is left of both without their common start and end."""
    start, end = common_ends(old, new)
    return old[start : len(old) - end], new[start : len(new) - end]
