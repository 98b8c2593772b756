"""When a node began or ceased to answer, told from a row of requests, each after the one before."""

from collections import deque
from dataclasses import dataclass
from typing import Literal

ANYBODY = "*"
GONE = 200  # requests without an answer of the node: it gets none any more
FADED = 25  # the same for a node that had half of the requests and now has one of 101


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What to look for: of ``within`` requests in a row, so many were answered by ``name``.

    ``first``: at least ``answers`` of them; the moment is the earliest of these. ``last``: none;
    the moment is the end of the first of them, which is when another answer of the node was due
    and did not come. The name ``*`` is whichever node.
    """

    what: Literal["first", "last"]
    name: str
    within: int = 1
    answers: int = 1


def first(name: str = ANYBODY) -> Sighting:
    """The first answer of the node."""
    return Sighting(what="first", name=name)


def last(name: str) -> Sighting:
    """After the last answer of the node."""
    return Sighting(what="last", name=name, within=GONE)


def fades(name: str) -> Sighting:
    """After the last answer of a node in its old share, once it has next to none."""
    return Sighting(what="last", name=name, within=FADED)


def rises(name: str) -> Sighting:
    """The first answer of a node in its new share, which is a half, after next to none."""
    return Sighting(what="first", name=name, within=4, answers=2)


class Spotter:
    """Looks for a ``Sighting`` in answers, in the order in which they came."""

    def __init__(self, sought: Sighting) -> None:
        self._sought = sought
        self._answered = False  # by the node, before the window
        self._window: deque[tuple[float, bool]] = deque()

    def saw(self, node: str, at: float) -> float | None:
        """One more request has ended ``at``; the moment, once it is known."""
        its = node == self._sought.name or (self._sought.name == ANYBODY and node != "")
        self._window.append((at, its))
        if len(self._window) > self._sought.within:
            self._answered |= self._window.popleft()[1]
        found = [ended for ended, was_its in self._window if was_its]
        if self._sought.what == "first":
            return found[0] if len(found) >= self._sought.answers else None
        whole = self._answered and len(self._window) == self._sought.within
        return self._window[0][0] if whole and not found else None
