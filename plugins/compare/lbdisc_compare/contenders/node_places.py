"""Where nodes are: each on a host of its own, beyond a number of them many on one host."""

from lbdisc_compare.hosts.host import Host, HostSet
from lbdisc_lab.servers.machines import port_on

NODE_PORT = 3000
OWN_HOSTS = 120  # nodes with a host of their own
CROWD_PORT = 10_000  # the first port of the others


class NodePlaces:
    """The same name is always at the same place."""

    def __init__(self, hosts: HostSet) -> None:
        self._hosts = hosts
        self._known: dict[str, tuple[Host, int]] = {}

    def of(self, name: str) -> tuple[Host, int]:
        """Host and port of the node ``name``."""
        if name not in self._known:
            self._known[name] = self._next(name)
        return self._known[name]

    def _next(self, name: str) -> tuple[Host, int]:
        if len(self._known) < OWN_HOSTS:
            host = self._hosts.host(name)
            return host, port_on(host, NODE_PORT)
        return self._hosts.host("crowd"), CROWD_PORT + len(self._known) - OWN_HOSTS
