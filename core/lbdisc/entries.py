"""What a reader knows of a registry's entries: endpoints and problems by where they are.

One change among many costs what changes: a snapshot is made of what is in order already.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

from lbdisc.leases import Lease, LeaseBook, LeaseEnd
from lbdisc.listed import Listed
from lbdisc.problems import Problems
from lbdisc.values import Endpoint, Problem, Snapshot

Place = TypeVar("Place", bound=Hashable)


class Entries(Generic[Place]):
    """By place. No two places hold endpoints of one service and name."""

    def __init__(self) -> None:
        self._keys: dict[Place, tuple[str, str]] = {}
        self._listed = Listed()
        self._problems = Problems[Place]()
        self._leases = LeaseBook()

    def put(
        self,
        place: Place,
        found: Endpoint | Problem | None,
        *,
        by: str | None = None,
        ttl_s: float | None = None,
    ) -> None:
        """What is at ``place`` now; ``None``: nothing to be told of.

        ``by`` and ``ttl_s`` are those of the endpoint's ``Lease``, if anything is known of that.
        """
        if isinstance(found, Endpoint):
            self._problems.drop(place)
            if self._keys.get(place, found.key) != found.key:
                self.remove(place)
            self._keys[place] = found.key
            self._listed.put(found.key, found)
            if by is not None:
                service, name = found.key
                self._leases.put(Lease(service=service, name=name, by=by, ttl_s=ttl_s))
            return
        self._unlist(place)
        if found is None:
            self._problems.drop(place)
        else:
            self._problems.put(place, found)

    def lives_by(self, place: Place, by: str) -> None:
        """What is at ``place`` is as it was, and lives by something else, perhaps."""
        if (key := self._keys.get(place)) is not None:
            self._leases.renamed(key, by)

    def remove(
        self, place: Place, *, end: LeaseEnd = "", renewed_s: float | None = None
    ) -> Endpoint | None:
        """Returns the endpoint that was there. ``end`` and ``renewed_s`` as in ``Lease``."""
        self._problems.drop(place)
        return self._unlist(place, end, renewed_s)

    def _unlist(
        self, place: Place, end: LeaseEnd = "", renewed_s: float | None = None
    ) -> Endpoint | None:
        key = self._keys.pop(place, None)
        if key is None:
            return None
        endpoint = self._listed[key]
        self._listed.put(key, None)
        self._leases.gone(key, end=end, renewed_s=renewed_s)
        return endpoint

    def endpoint(self, place: Place) -> Endpoint | None:
        """The endpoint at ``place``, if there is one."""
        key = self._keys.get(place)
        return None if key is None else self._listed[key]

    def refused(self, place: Place) -> bool:
        """Whether a problem is at ``place``."""
        return place in self._problems

    def snapshot(self) -> Snapshot:
        """The state as it is; sorted and unique already, so it is not sorted again."""
        return Snapshot(self._listed.endpoints, self._problems.named, self._problems.more)

    def take_leases(self) -> tuple[Lease, ...]:
        """What is news of leases since the last call, for ``Publish``."""
        return self._leases.take()
