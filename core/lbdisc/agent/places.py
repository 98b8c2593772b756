"""What a registry lists, by address and port: one server has one entry, the one that came first.

A crashed instance that comes back under a new name at its old address is in the registry twice for
a while. Both names lead to the same process, which would get the traffic of two; the older entry
counts as long as it is there, so that nobody changes another's by a second one, and when it comes
back soon (``tenure``). Where addresses are
given anew, as to containers, one service's entry may lead to the process of another: see
``contests``. An instance that is in two services on purpose has one name in both.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from lbdisc.agent.tenure import Tenure
from lbdisc.values import NAMED, Endpoint, Problem, Snapshot

Key = tuple[str, str]  # service and name
Stays = Callable[[Endpoint, Endpoint, float], bool]  # older, newcomer, since when the older is here
NEVER = float("-inf")
FEW = 100  # more that do not count cost less when all is made anew


class Place(NamedTuple):
    """Where an endpoint of a service is."""

    service: str
    address: str
    port: int

    @classmethod
    def of(cls, endpoint: Endpoint) -> "Place":
        return cls(endpoint.service, endpoint.address, endpoint.port)


class Places:
    """The entries of a registry and when each came to its place, in seconds of the caller's clock.

    ``start`` is what was listed before anything is known of times. All methods but ``take`` only
    look.
    """

    def __init__(self, start: Snapshot) -> None:
        self._seen = start
        self._known = frozenset(endpoint.key for endpoint in start.endpoints)
        self._first: float | None = None
        self._at: dict[Place, dict[Key, Endpoint]] = defaultdict(dict)
        self._came: dict[Key, float] = {}
        self._tenure = Tenure()
        self._older: dict[Key, float] = {}  # since when those are there who were away
        self._services: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._shared: set[Place] = set()
        self._contested: set[tuple[str, int]] = set()  # addresses and ports in two services
        for endpoint in start.endpoints:
            self._put(endpoint, NEVER)

    @property
    def snapshot(self) -> Snapshot:
        """What was taken last."""
        return self._seen

    def take(self, snapshot: Snapshot, now: float) -> set[Place]:
        """Take in the registry's newest state; returns the places where something changed."""
        change = snapshot.since(self._seen)
        if self._first is None:
            self._first = now
        touched = set()
        for endpoint in (*change.removed, *change.changed):
            if old := self._seen.get(endpoint.key):
                touched.add(Place.of(old))
                self._leaves(old, snapshot.get(old.key), now)
                self._drop(old)
        for endpoint in (*change.changed, *change.added):
            touched.add(Place.of(endpoint))
            old = self._seen.get(endpoint.key)
            stays = old is not None and Place.of(old) == Place.of(endpoint)
            self._put(endpoint, self._came[endpoint.key] if stays else now)
            since = now if stays else self._tenure.since(endpoint.key, _where(endpoint), now)
            if since < now:
                self._older[endpoint.key] = since
        self._seen = snapshot
        return touched

    def _leaves(self, old: Endpoint, new: Endpoint | None, now: float) -> None:
        """One that counted goes, or goes elsewhere."""
        place = Place.of(old)
        if new is None or Place.of(new) != place:
            came = self._older.get(old.key, self._came[old.key])
            if self.at(place) == old:
                self._tenure.leaves(old.key, _where(old), came=came, now=now)
            self._older.pop(old.key, None)

    def entry(self, key: Key) -> Endpoint | None:
        """The entry of this service and name."""
        return self._seen.get(key)

    def at(self, place: Place) -> Endpoint | None:
        """The one that counts of all entries with this place: the first."""
        entries = self._at.get(place)
        if not entries:
            return None
        return (
            next(iter(entries.values()))
            if len(entries) == 1
            else min(entries.values(), key=self._rank)
        )

    def reused(self, place: Place, since: float) -> bool:
        """Whether another service has this address and port, and since later than ``since``."""
        others = self._services.get(place[1:], set()) - {place.service}
        return any(
            self._came[key] > since
            for other in others
            for key in self._at[place._replace(service=other)]
        )

    def doubles(self, stays: Stays) -> Iterator[tuple[Endpoint, Endpoint]]:
        """The entries that do not count, each with the one that does in its place.

        Of two services that were at one address from the first, both do; of others ``stays`` says
        whether the older one does.
        """
        for place in self._shared:
            counts = self.at(place)
            if counts is not None:
                yield from ((e, counts) for e in self._at[place].values() if e is not counts)
        for where in self._contested:
            yield from self._misplaced(where, stays)

    def _misplaced(
        self, where: tuple[str, int], stays: Stays
    ) -> Iterator[tuple[Endpoint, Endpoint]]:
        """Entries of services at an address where another service is."""
        found = [self.at(Place(service, *where)) for service in self._services[where]]
        here = sorted((e for e in found if e is not None), key=lambda e: (self._came[e.key], e.key))
        counting: list[Endpoint] = []
        for newcomer in here:
            rivals = [e for e in counting if self._rivals(e, newcomer)]
            keeper = next((e for e in rivals if stays(e, newcomer, self._came[e.key])), None)
            if keeper is not None:
                yield newcomer, keeper
                continue
            yield from ((older, newcomer) for older in rivals)
            counting = [e for e in counting if e not in rivals] + [newcomer]

    def _rivals(self, older: Endpoint, newcomer: Endpoint) -> bool:
        later = self._came[older.key] < self._came[newcomer.key]
        return later and older.name != newcomer.name

    def is_newer(self, one: Endpoint, other: Endpoint) -> bool:
        """Whether ``one`` came to its place after the ``other``."""
        return self._came.get(one.key, NEVER) > self._came.get(other.key, NEVER)

    def _rank(self, endpoint: Endpoint) -> tuple[float, bool, bool, str]:
        """The least counts. Of those that were there at first, nobody knows which is older."""
        came = self._older.get(endpoint.key, self._came[endpoint.key])
        if self._first is not None and came <= self._first:
            came = NEVER
        return came, endpoint.key not in self._known, endpoint.draining, endpoint.name

    def _put(self, endpoint: Endpoint, came: float) -> None:
        place = Place.of(endpoint)
        entries = self._at[place]
        entries[endpoint.key] = endpoint
        self._came[endpoint.key] = came
        services = self._services[place[1:]]
        services.add(place.service)
        if len(services) > 1:
            self._contested.add(place[1:])
        if len(entries) > 1:
            self._shared.add(place)

    def _drop(self, endpoint: Endpoint) -> None:
        place = Place.of(endpoint)
        entries = self._at[place]
        del entries[endpoint.key]
        if len(entries) < 2:
            self._shared.discard(place)
        if not entries:
            del self._at[place]
            services = self._services[place[1:]]
            services.discard(place.service)
            if len(services) < 2:
                self._contested.discard(place[1:])
            if not services:
                del self._services[place[1:]]


def _where(endpoint: Endpoint) -> tuple[str, int]:
    return endpoint.address, endpoint.port


def double(pair: tuple[Endpoint, Endpoint], *, newer: bool = False) -> Problem:
    """What is said of an entry that does not count, as a ``newer`` one does, or an older one."""
    left_out, counts = pair
    same = left_out.service == counts.service
    name = counts.name if same else f"{counts.service}/{counts.name}"
    why = "is the newer one" if newer else "was there first"
    what = f"{name} has the same address {counts.host_port}, and {why}"
    return Problem(f"{left_out.service}/{left_out.name}", what)


def one_each(
    snapshot: Snapshot,
    pairs: Iterable[tuple[Endpoint, Endpoint]],
    is_newer: Callable[[Endpoint, Endpoint], bool],
) -> Snapshot:
    """``snapshot`` without the entries that do not count; they are among its problems."""
    found = sorted(pairs, key=lambda pair: pair[0].key)
    if not found:
        return snapshot
    out = {endpoint.key for endpoint, _ in found}
    if len(out) < FEW:
        left = snapshot.patched((), out)
    else:
        left = Snapshot(tuple(e for e in snapshot.endpoints if e.key not in out))
    told = {double((out, counts), newer=is_newer(counts, out)) for out, counts in found[:NAMED]}
    more = snapshot.more + len(found) - len(told)
    return Snapshot(left.endpoints, tuple(sorted({*snapshot.problems, *told})), more)
