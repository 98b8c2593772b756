"""Hosts as addresses of a loopback network: for whoever has no right to more."""

from pathlib import Path

from lbdisc_compare.hosts.host import Host
from lbdisc_lab.servers.serf import free_network

MOST = 240  # the last octet of the network; names beyond that are refused


class LoopbackHosts:
    """``name`` is an address of its own in a free network of 127.0.0.0/8."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._network = free_network()
        self._hosts: dict[str, Host] = {}

    def host(self, name: str) -> Host:
        """Raises ``ValueError`` beyond 240 hosts."""
        if name not in self._hosts:
            if len(self._hosts) == MOST:
                raise ValueError(f"{name} would be host {MOST + 1} of a loopback network")
            address = f"{self._network}.{len(self._hosts) + 1}"
            self._hosts[name] = Host(name=name, address=address)
        return self._hosts[name]
