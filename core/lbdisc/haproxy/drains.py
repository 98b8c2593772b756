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
from collections.abc import Mapping, Sequence

from lbdisc.haproxy.commands import is_name
from lbdisc.haproxy.errors import HaproxyError, Unreachable
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.master import Master
from lbdisc.haproxy.rows import Info, Stat, read_stats
from lbdisc.haproxy.servers import endpoint as split
from lbdisc.haproxy.socket import Runtime
from lbdisc.haproxy.text import ServerLine
from lbdisc.values import Endpoint

PATIENCE = 0.5  # seconds; the agent waits meanwhile
Key = tuple[str, str]  # proxy and server
Rows = Mapping[Key, Stat]


class Drains:
    """Looks at the servers of draining endpoints; remembers what it saw the time before."""

    def __init__(self, master_socket: str) -> None:
        self._master = Master(master_socket, timeout=PATIENCE)
        self._pid = 0
        self._ids: dict[Key, int] = {}
        self._totals: dict[Key, int] = {}

    def over(self, live: Live, endpoints: Sequence[Endpoint]) -> frozenset[Endpoint]:
        """Those of ``endpoints`` that no worker has a session on; none when they cannot be seen."""
        servers = {endpoint: servers_of(live, endpoint) for endpoint in endpoints}
        try:
            if not live.model.runtime_socket:  # a template without one
                busy = self._busy(with_current=True)
                return frozenset(e for e in endpoints if e.host_port not in busy)
            rows = self._rows(live, [key for keys in servers.values() for key in keys])
            busy = self._busy(with_current=False)
        except HaproxyError:
            self._totals.clear()
            return frozenset()
        quiet = {key for key, row in rows.items() if self._is_quiet(key, row)}
        self._totals = {key: row.total_sessions for key, row in rows.items()}
        return frozenset(
            endpoint
            for endpoint, keys in servers.items()
            if endpoint.host_port not in busy and _is_over(keys, rows, quiet)
        )

    def _rows(self, live: Live, keys: Sequence[Key]) -> Rows:
        """What the current worker counts for each server, in one exchange."""
        if not keys:
            return {}
        with Runtime(live.model.runtime_socket, timeout=PATIENCE) as runtime:
            self._know(runtime, live.pid, keys)
            wanted = [key for key in keys if key in self._ids]
            lines = [f"show stat {key[0]} 4 {self._ids[key]}" for key in wanted]
            info, *replies = runtime.ask_all(["show info", *lines])
        if (pid := Info.read(info).pid) != live.pid:
            raise Unreachable(f"worker {pid} answers instead of {live.pid}")
        rows = (row for reply in replies for row in read_stats(reply))
        found = {(row.proxy, row.name): row for row in rows}
        for key in set(wanted) - found.keys():
            del self._ids[key]  # removed, and perhaps made anew with another number
        return found

    def _know(self, runtime: Runtime, pid: int, keys: Sequence[Key]) -> None:
        """Learn the servers' numbers: of a thousand servers one can then be asked about."""
        if pid != self._pid:
            self._pid, self._ids = pid, {}
            self._totals.clear()
        for proxy in {proxy for proxy, name in keys if (proxy, name) not in self._ids}:
            states = runtime.raw_servers(proxy)
            names = [name for its, name in keys if its == proxy]
            # Not every row is read: there may be ten thousand.
            for name in names:
                if found := re.search(
                    rf"^\d+ {re.escape(proxy)} (\d+) {re.escape(name)} ", states, re.M
                ):
                    self._ids[proxy, name] = int(found[1])

    def _busy(self, *, with_current: bool) -> set[str]:
        """The ``address:port`` of all servers that a replaced worker has sessions on."""
        processes = self._master.processes()
        busy: set[str] = set()
        for worker in (*processes.old, *(processes.workers if with_current else ())):
            reply = self._master.ask(f"@!{worker.pid} show stat -1 4 -1")
            if reply.startswith("Can't find"):
                continue  # it has ended meanwhile
            rows = (row for row in read_stats(reply) if row.sessions or row.queued)
            busy.update(row.fields.get("addr", "") for row in rows)
        return busy

    def _is_quiet(self, key: Key, row: Stat) -> bool:
        idle = not row.sessions and not row.queued
        return idle and self._totals.get(key) == row.total_sessions


def _is_over(keys: Sequence[Key], rows: Rows, quiet: set[Key]) -> bool:
    """Whether all that drain are quiet; one at the same address may serve another service.

    A server that the file has but the worker does not tell of is looked at again. Without any, the
    load balancer never had it, or left it out at a reload.
    """
    if not keys:
        return True
    draining = [key for key in keys if key not in rows or _takes_nothing_new(rows[key])]
    return bool(draining) and quiet.issuperset(draining)


def _takes_nothing_new(row: Stat) -> bool:
    return row.weight == 0 or row.status.startswith(("MAINT", "DRAIN"))


def servers_of(live: Live, endpoint: Endpoint) -> list[Key]:
    """The servers at the endpoint's address, whatever the template calls them."""
    servers = live.model.servers
    named = [(proxy, endpoint.name) for proxy in live.model.proxies]
    found = [key for key in named if key in servers and _is_at(servers[key], endpoint)]
    if not found:
        found = [key for key, line in servers.items() if _is_at(line, endpoint)]
    parked = [key for key, line in live.parked.items() if line and _is_at(line, endpoint)]
    return [key for key in dict.fromkeys([*found, *parked]) if is_name(key[0])]


def _is_at(line: ServerLine, endpoint: Endpoint) -> bool:
    return split(line.address) == (endpoint.address, endpoint.port)
