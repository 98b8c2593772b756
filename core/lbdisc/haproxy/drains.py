"""Whether a draining server still has sessions: in the worker, and in the old ones after a reload.

A server at weight 0 or in maintenance gets no new sessions but those that belong to it by cookie.
It counts as drained when it has no session and none came since the look before.

A worker that a reload has replaced finishes what it has, with the servers as they were, so what it
has on a server counts. That it merely lives does not: one tunnel to another server keeps it for as
long as ``hard-stop-after``. It may still take one last request from each idle client connection;
should that meet a server that has stopped meanwhile, the connection is refused and the request
goes elsewhere (``option redispatch``).
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from lbdisc.haproxy.errors import HaproxyError, Unreachable
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.planning.servers import endpoint as split
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.orders import is_name
from lbdisc.haproxy.sockets.rows import Stat, read_stats
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.values import Endpoint

PATIENCE = 0.5  # seconds; the agent waits meanwhile
MANY = 100  # servers from which on one question about all costs less
SERVERS = "show stat -1 4 -1"
Key = tuple[str, str]  # proxy and server
Rows = Mapping[Key, Stat]
Found = dict[Key, bool]  # whether the server surely stands for the endpoint


class HaproxyDrains:
    """Looks at the servers of draining endpoints; remembers what it saw the time before."""

    def __init__(self, master_socket: str) -> None:
        self._master = Master(master_socket, timeout=PATIENCE)
        self._pid = 0
        self._ids: dict[Key, tuple[int, int]] = {}  # of backend and server
        self._totals: dict[Key, int] = {}

    def over(self, live: Live, endpoints: Sequence[Endpoint]) -> frozenset[Endpoint]:
        """Those of ``endpoints`` that no worker has a session on; none when they cannot be seen."""
        servers = {endpoint: servers_of(live, endpoint) for endpoint in endpoints}
        try:
            rows = self._rows(live, servers)
            left = self._left()
        except HaproxyError:
            self._totals.clear()
            return frozenset()
        quiet = {key for key, row in rows.items() if self._is_quiet(key, row)}
        self._totals = {key: row.total_sessions for key, row in rows.items()}
        found = {e: k if _is_sure(k) else akin(e, rows) for e, k in servers.items()}
        return frozenset(e for e, its in found.items() if _is_over(e, its, rows, quiet, left))

    def _rows(self, live: Live, servers: Mapping[Endpoint, Found]) -> Rows:
        """What the current worker counts: for those servers, or for all if that is not enough."""
        if not live.socket:
            worker = self._master.processes().current
            if worker is None:
                raise Unreachable("no worker runs")
            self._follow(worker.pid)
            return _by_key(read_stats(self._master.ask(f"@!{worker.pid} {SERVERS}")))
        keys = list(dict.fromkeys(key for found in servers.values() for key in found))
        with Runtime(live.socket, timeout=PATIENCE, worker=live.pid) as runtime:
            self._follow(live.pid)
            if all(map(_is_sure, servers.values())):
                self._know(runtime, keys)
                wanted = [key for key in keys if key in self._ids]
                # By number: a frontend may have the backend's name, and would be meant.
                lines = ["show stat #{} 4 {}".format(*self._ids[key]) for key in wanted]
            else:
                wanted, lines = [], []
            if len(lines) not in range(1, MANY):  # perhaps the slot of a `server-template`
                wanted, lines = [], [SERVERS]
            reply = runtime.asked(*lines)
        found = _by_key(read_stats(reply, only=keys if wanted else None))
        for key in set(wanted) - found.keys():
            del self._ids[key]  # removed, and perhaps made anew with another number
        return found

    def _follow(self, pid: int) -> None:
        """What was learnt of one worker says nothing about the next."""
        if pid != self._pid:
            self._pid, self._ids = pid, {}
            self._totals.clear()

    def _know(self, runtime: Runtime, keys: Sequence[Key]) -> None:
        """Learn the servers' numbers: of a thousand servers one can then be asked about."""
        for proxy in {proxy for proxy, name in keys if (proxy, name) not in self._ids}:
            states = runtime.raw_servers(proxy)
            names = [name for its, name in keys if its == proxy]
            # Not every row is read: there may be ten thousand.
            for name in names:
                if found := re.search(
                    rf"^(\d+) {re.escape(proxy)} (\d+) {re.escape(name)} ", states, re.M
                ):
                    self._ids[proxy, name] = int(found[1]), int(found[2])

    def _left(self) -> list[Stat]:
        """The servers that a replaced worker has sessions on."""
        left: list[Stat] = []
        for worker in self._master.processes().old:
            reply = self._master.ask(f"@!{worker.pid} {SERVERS}")
            if not reply.startswith("Can't find"):  # it has ended meanwhile
                left += (row for row in read_stats(reply) if row.sessions or row.queued)
        return left

    def _is_quiet(self, key: Key, row: Stat) -> bool:
        idle = not row.sessions and not row.queued
        return idle and self._totals.get(key) == row.total_sessions


def _by_key(rows: Iterable[Stat]) -> Rows:
    return {(row.proxy, row.name): row for row in rows}


def _is_over(
    endpoint: Endpoint, found: Found, rows: Rows, quiet: set[Key], left: Sequence[Stat]
) -> bool:
    """Whether all that drain are quiet, here and in the workers before.

    A server that the file has but the worker does not tell of is looked at again, and one that
    still takes sessions does not drain. Without any, the load balancer never had the endpoint, or
    left it out at a reload.
    """
    draining = {k for k, its in found.items() if (_drains(rows[k]) if k in rows else its)}
    own = {key for key, its in found.items() if its}
    if (own and not own & draining) or not quiet >= draining:
        return False
    return not any(
        (row.proxy, row.name) in draining or _is_its(endpoint, row.proxy, row.name, _address(row))
        for row in left
    )


def _drains(row: Stat) -> bool:
    return row.weight == 0 or row.status.startswith(("MAINT", "DRAIN"))


def servers_of(live: Live, endpoint: Endpoint) -> Found:
    """The servers that the running text has for the endpoint."""
    servers, name = live.model.servers, endpoint.name
    lines = {key: servers[key] for p in live.model.proxies if (key := (p, name)) in servers}
    lines |= {key: line for key, line in live.in_maintenance.items() if line}
    if not any(_is_at(line.address, endpoint) for line in lines.values()):
        ends = f":{endpoint.port}"  # ten thousand addresses take long to read
        lines |= {k: s for k, s in servers.items() if s.address.endswith(ends)}
    found = {k: True for k, at in live.model.slots.items() if _is_at(at, endpoint)}
    for (proxy, server), line in lines.items():
        its = _is_its(endpoint, proxy, server, line.address)
        if is_name(proxy) and (its or (server == name and _is_on_host(line.address, endpoint))):
            found[proxy, server] = its
    return found


def _is_sure(found: Found) -> bool:
    return any(found.values())


def akin(endpoint: Endpoint, rows: Rows) -> Found:
    """The servers that may stand for an endpoint where the text has none that surely does."""
    found = {key: _is_its(endpoint, *key, _address(row)) for key, row in rows.items()}
    return {k: i for k, i in found.items() if i or _is_on_host(_address(rows[k]), endpoint)}


def _is_its(endpoint: Endpoint, proxy: str, name: str, address: str) -> bool:
    return (proxy, name) == endpoint.key or _is_at(address, endpoint)


def _is_at(address: str, endpoint: Endpoint) -> bool:
    return split(address) == (endpoint.address, endpoint.port)


def _is_on_host(address: str, endpoint: Endpoint) -> bool:
    return split(address)[0] == endpoint.address


def _address(row: Stat) -> str:
    return row.fields.get("addr", "")
