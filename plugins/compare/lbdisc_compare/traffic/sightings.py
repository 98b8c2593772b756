"""When a node began or ceased to answer, told from a row of requests, each after the one before."""

from collections import deque
from dataclasses import dataclass
from typing import Literal

ANYBODY = "*"
GONE = 200  # requests without an answer of the node: it gets none any more
FADED = 25  # the same for a node that had a third of the requests and now has one of 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What to look for: of ``within`` requests in a row, so many were answered by ``name``.

    ``first``: at least ``answers`` of them; the moment is the earliest of these. ``last``: none;
    the moment is the newest answer before them. The name ``*`` is whichever node.
    """

    what: Literal["first", "last"]
    name: str
    within: int = 1
    answers: int = 1


def first(name: str = ANYBODY) -> Sighting:
    """The first answer of the node."""
    return Sighting(what="first", name=name)


def last(name: str) -> Sighting:
    """The last answer of the node."""
    return Sighting(what="last", name=name, within=GONE)


def fades(name: str) -> Sighting:
    """The last answer of a node in its old share, once it has next to none."""
    return Sighting(what="last", name=name, within=FADED)


def rises(name: str) -> Sighting:
    """The first answer of a node in its new share, which is a third, after next to none."""
    return Sighting(what="first", name=name, within=4, answers=2)


class Spotter:
    """Looks for a ``Sighting`` in answers, in the order in which they came."""

    def __init__(self, sought: Sighting) -> None:
        self._sought = sought
        self._window: deque[float | None] = deque()
        self._before: float | None = None  # the newest answer that the window has left behind

    def saw(self, node: str, at: float) -> float | None:
        """One more request has ended ``at``; the moment, once it is known."""
        its = node == self._sought.name or (self._sought.name == ANYBODY and node != "")
        self._window.append(at if its else None)
        if len(self._window) > self._sought.within:
            left = self._window.popleft()
            self._before = self._before if left is None else left
        found = [moment for moment in self._window if moment is not None]
        if self._sought.what == "first":
            return found[0] if len(found) >= self._sought.answers else None
        whole = len(self._window) == self._sought.within
        return self._before if whole and not found else None
