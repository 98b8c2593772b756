"""What a reader knows of a registry's entries: endpoints and problems by where they are.

One change among many costs what changes: a snapshot is made of what is in order already.
"""

from bisect import bisect_left, insort
from collections.abc import Hashable
from typing import Generic, TypeVar

from lbdisc.values import Endpoint, Problem, Snapshot

Place = TypeVar("Place", bound=Hashable)


class Entries(Generic[Place]):
    """By place. No two places hold endpoints of one service and name."""

    def __init__(self) -> None:
        self._keys: dict[Place, tuple[str, str]] = {}
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._order: list[tuple[str, str]] = []
        self._problems: dict[Place, Problem] = {}
        self._listed: tuple[Problem, ...] | None = ()  # the problems in order, while it is known

    def put(self, place: Place, found: Endpoint | Problem | None) -> None:
        """What is at ``place`` now; ``None``: nothing to be told of."""
        if isinstance(found, Endpoint):
            self._solved(place)
            if place not in self._keys:
                self._keys[place] = found.key
                insort(self._order, found.key)
            self._endpoints[found.key] = found
            return
        self.remove(place)
        if found is not None:
            self._problems[place] = found
            self._listed = None

    def remove(self, place: Place) -> Endpoint | None:
        """Returns the endpoint that was there."""
        self._solved(place)
        key = self._keys.pop(place, None)
        if key is None:
            return None
        del self._order[bisect_left(self._order, key)]
        return self._endpoints.pop(key)

    def _solved(self, place: Place) -> None:
        if self._problems.pop(place, None):
            self._listed = None

    def endpoint(self, place: Place) -> Endpoint | None:
        """The endpoint at ``place``, if there is one."""
        key = self._keys.get(place)
        return None if key is None else self._endpoints[key]

    def refused(self, place: Place) -> bool:
        """Whether a problem is at ``place``."""
        return place in self._problems

    def snapshot(self) -> Snapshot:
        """The state as it is; sorted and unique already, so it is not sorted again."""
        if self._listed is None:
            self._listed = tuple(sorted(self._problems.values()))
        return Snapshot(tuple(self._endpoints[key] for key in self._order), self._listed)
