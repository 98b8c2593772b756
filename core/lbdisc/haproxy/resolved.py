"""The addresses that HAProxy has for host names: it looks them up by itself while it runs."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from lbdisc.haproxy.errors import Unreachable
from lbdisc.haproxy.language.text import Configuration
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.planning.lookups import Key, named
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.rows import read_states
from lbdisc.haproxy.sockets.socket import Runtime

PATIENCE = 0.5  # seconds; the agent waits meanwhile
FEW = 5  # proxies; more are asked for in one question about all


class HaproxyAddresses:
    """Asks the worker that runs."""

    def __init__(self, master_socket: str) -> None:
        self._master = Master(master_socket, timeout=PATIENCE)
        self._known: tuple[Configuration | None, Mapping[Key, str]] = None, {}

    def resolved(self, live: Live, hosts: Collection[str]) -> Mapping[str, Collection[str]]:
        """By host name; of ``hosts`` those that it has an address for. Raises ``HaproxyError``."""
        servers = {key: host for key, host in self._servers(live).items() if host in hosts}
        found: dict[str, set[str]] = defaultdict(set)
        proxies = sorted({proxy for proxy, _ in servers})
        for dump in self._dumps(live, proxies) if servers else ():
            for row in read_states(dump):
                if row.key in servers and row.address != "-":
                    found[servers[row.key]].add(row.address)
        return found

    def _servers(self, live: Live) -> Mapping[Key, str]:
        """The host name of each server that has one."""
        if self._known[0] is not live.model:
            its = {key: one.host.lower() for key, one in named(live.model).items()}
            self._known = live.model, its
        return self._known[1]

    def _dumps(self, live: Live, proxies: Collection[str]) -> Collection[str]:
        if not live.socket:
            reply = self._master.ask(f"@!{live.pid} show servers state")
            if not reply.strip():
                raise Unreachable(f"worker {live.pid} does not answer")
            return [reply]
        with Runtime(live.socket, timeout=PATIENCE, worker=live.pid) as runtime:
            if len(proxies) > FEW:
                return [runtime.raw_servers()]
            return [runtime.raw_servers(proxy) for proxy in proxies]
