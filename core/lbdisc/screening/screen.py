"""The endpoints of a registry without those at addresses where nobody may be served.

A host name is allowed by what it leads to. One that nobody has answered for yet is held back, as
HAProxy would wait for it; one that was served before keeps its place, as name servers may fail.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable

from lbdisc.addresses import is_host_name
from lbdisc.problems import Problems
from lbdisc.screening.asking import known
from lbdisc.screening.hosts import Hosts
from lbdisc.screening.own import OwnPlaces, Place
from lbdisc.screening.rules import Rules
from lbdisc.settings.tables import EndpointsSettings
from lbdisc.values import Endpoint, Problem, Snapshot, is_reserved

Key = tuple[str, str]  # service and name
FEW = 100  # more changes than so many cost less when all is made anew


class Screening:
    """Stands between the registry and all that is made of it. lbdisc's own services pass.

    ``served`` is what was served before, and what its names led to was looked at then.
    """

    def __init__(
        self,
        settings: EndpointsSettings,
        hosts: Hosts | None = None,
        *,
        served: Snapshot | None = None,
    ) -> None:
        self._rules = Rules(settings)
        self.hosts = hosts or Hosts()
        self._own = OwnPlaces()
        self._new_ports: frozenset[int] = frozenset()
        self._trusted = frozenset(e.address for e in _named((served or Snapshot()).endpoints))
        self._seen = Snapshot()
        self._passed = Snapshot()
        self._refused: set[Key] = set()
        self._problems: Problems[Key] = Problems()  # without some of whom it is too early to tell
        self._of_host: dict[str, set[Key]] = defaultdict(set)

    @property
    def names(self) -> frozenset[str]:
        """The host names that are asked for."""
        return frozenset(self._of_host)

    def refuses(self, endpoint: Endpoint) -> str:
        """Why ``endpoint`` may not be served by all that is known, ``""`` if it may."""
        service, address = endpoint.service, endpoint.address
        if is_reserved(service):
            return ""
        if why := self._rules.refuses_port(service, endpoint.port):
            return why
        if not is_host_name(address):
            return self._rules.why(service, address) or self._own.why(address, endpoint.port)
        if setting := self._rules.refuses_names(service):
            return f"{address} is a host name, which {setting} refuses"
        for found in known(address) or self.hosts.addresses(address):
            if why := self._rules.why(service, found) or self._own.why(found, endpoint.port):
                return f"host name {address} leads to {found}: {why}"
        return ""

    def occupy(self, places: Collection[Place]) -> bool:
        """The load balancer itself is at these ``places``, too; whether any was not known."""
        ports = self._own.add(places)
        self._new_ports |= ports
        return bool(ports)

    def once(self, snapshot: Snapshot) -> Snapshot:
        """What of ``snapshot`` may be served; nothing is remembered of it."""
        refused = {e.key: why for e in snapshot.endpoints if (why := self.refuses(e))}
        if not refused:
            return snapshot
        left = tuple(e for e in snapshot.endpoints if e.key not in refused)
        problems: Problems[Key] = Problems()
        for key, why in refused.items():
            problems.put(key, _problem(key, why))
        return _with(snapshot, left, problems)

    def settle(self, snapshot: Snapshot) -> None:
        """Give the names in ``snapshot`` a moment to be found: see ``Hosts.settle``."""
        self.hosts.settle({endpoint.address for endpoint in self._asked(snapshot.endpoints)})

    def settled(self, snapshot: Snapshot) -> Snapshot:
        """``after`` that moment, for who asks once."""
        self.settle(snapshot)
        return self.after(snapshot)

    def after(self, snapshot: Snapshot) -> Snapshot:
        """What of the registry's newest state may be served; the others are among its problems.

        Costs what changed since the one before.
        """
        change = snapshot.since(self._seen)
        gone = [old for e in change.changed if (old := self._seen.get(e.key))]
        self._unlist((*change.removed, *gone))
        new = (*change.added, *change.changed)
        self._list(new)
        self._seen = snapshot
        return self._judge(new, [endpoint.key for endpoint in change.removed])

    def again(self) -> Snapshot | None:
        """The same of the same state where more is known by now; ``None`` if nothing is."""
        keys = {key for host in self.hosts.changed() for key in self._of_host.get(host, ())}
        found = [its for its in map(self._seen.get, keys) if its is not None]
        ports, self._new_ports = self._new_ports, frozenset()
        if ports:
            near = (endpoint for endpoint in self._seen.endpoints if endpoint.port in ports)
            found += (endpoint for endpoint in near if endpoint.key not in keys)
        return self._judge(found, []) if found else None

    def _asked(self, endpoints: Iterable[Endpoint]) -> list[Endpoint]:
        """Those with names that somebody has to be asked for."""
        return [e for e in _named(endpoints) if not known(e.address)]

    def _list(self, endpoints: Iterable[Endpoint]) -> None:
        asked = self._asked(endpoints)
        for endpoint in asked:
            self._of_host[endpoint.address].add(endpoint.key)
        if asked:
            self.hosts.want({endpoint.address for endpoint in asked})

    def _unlist(self, endpoints: Iterable[Endpoint]) -> None:
        for endpoint in self._asked(endpoints):
            keys = self._of_host[endpoint.address]
            keys.discard(endpoint.key)
            if not keys:
                del self._of_host[endpoint.address]
                self.hosts.forget([endpoint.address])

    def _judge(self, endpoints: Iterable[Endpoint], gone: list[Key]) -> Snapshot:
        put = []
        for key in gone:
            self._refused.discard(key)
            self._problems.drop(key)
        for endpoint in endpoints:
            why = self.refuses(endpoint)
            if why or self._waits(endpoint):
                self._refuse(endpoint.key, why or self._silent(endpoint))
                gone.append(endpoint.key)
            else:
                self._refused.discard(endpoint.key)
                self._problems.drop(endpoint.key)
                put.append(endpoint)
        self._passed = self._without_refused(put, gone)
        return self._passed

    def _refuse(self, key: Key, why: str) -> None:
        self._refused.add(key)
        if why:
            self._problems.put(key, _problem(key, why))
        else:
            self._problems.drop(key)

    def _waits(self, endpoint: Endpoint) -> bool:
        """Whether nobody has said yet what its name leads to."""
        host = endpoint.address
        return (
            host in self._of_host
            and not is_reserved(endpoint.service)
            and not self.hosts.is_answered(host)
            and host not in self._trusted
        )

    def _silent(self, endpoint: Endpoint) -> str:
        if not self.hosts.is_late(endpoint.address):
            return ""
        return f"no name server answers for host name {endpoint.address!r}"

    def _without_refused(self, put: list[Endpoint], gone: list[Key]) -> Snapshot:
        snapshot = self._seen
        if not self._refused:
            return snapshot
        if len(put) + len(gone) < FEW:
            left = self._passed.patched(put, gone).endpoints
        else:
            left = tuple(e for e in snapshot.endpoints if e.key not in self._refused)
        return _with(snapshot, left, self._problems)


def _named(endpoints: Iterable[Endpoint]) -> Iterable[Endpoint]:
    return (e for e in endpoints if is_host_name(e.address) and not is_reserved(e.service))


def _with(snapshot: Snapshot, left: tuple[Endpoint, ...], refused: Problems[Key]) -> Snapshot:
    problems = tuple(sorted({*snapshot.problems, *refused.named}))
    return Snapshot(left, problems, snapshot.more + refused.more)


def _problem(key: Key, why: str) -> Problem:
    return Problem("/".join(key), why)
