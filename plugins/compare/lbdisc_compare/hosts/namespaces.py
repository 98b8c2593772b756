"""Hosts as network namespaces, joined by veth pairs with a router in the middle: this process.

It has to be in network, mount and pid namespaces of its own already (``isolated``): all that is
made here vanishes with them.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

from lbdisc_compare.hosts.delays import DelayLine, delay_line, marks_first
from lbdisc_compare.hosts.filtering import NetworkFault, ruleset
from lbdisc_compare.hosts.host import Counters, Host
from lbdisc_compare.hosts.isolation import isolated, separable
from lbdisc_compare.hosts.routing import SETTINGS, filter_with, ip, settle

NETWORK = "10.77"
ROUTER = f"{NETWORK}.0.1"
MOST = 1000
ETHERNET = 14  # bytes of a frame before its packet
DEVICES = Path("/proc/self/net/dev")
ROUTES = Path("/proc/self/net/route")
ENDS = ("aa", "bb")  # in hardware addresses: the host's, the router's
# IPv6 sends packets of its own: none of the programs', and they would be counted.
NO_IPV6 = "ipv6/conf/default/disable_ipv6"
WITHOUT_IPV6 = (
    "sh",
    "-c",
    f'! [ -e {SETTINGS}/{NO_IPV6} ] || echo 1 >{SETTINGS}/{NO_IPV6}; exec "$@"',
    "sh",
)

__all__ = ["MOST", "NamespaceHosts", "isolated", "separable"]


class NamespaceHosts:
    """Every host has a network of its own, with loopback, and is known by its address alone.

    A host reaches all others and the measuring process (10.77.0.1) by its one interface, and
    nothing outside. No IPv6, and no packet but those that programs cause: hardware addresses are
    known from the start. Implements ``Separable``.
    """

    def __init__(self, folder: Path) -> None:
        """Raises ``RuntimeError`` in a network that leads somewhere."""
        if len(ROUTES.read_text().splitlines()) > 1:
            raise RuntimeError(
                "this network has routes, so it may be the machine's own: begin with isolated()"
            )
        self.folder = folder
        self._hosts: dict[str, Host] = {}
        self._making = threading.Lock()
        self._faults: list[NetworkFault] = []
        self._lines: dict[float, DelayLine] = {}
        self._opened = 0
        self._namespaces = folder / "net"
        self._namespaces.mkdir(exist_ok=True)
        settle("ipv4/ip_forward", 1)
        for scope in ("all", "default"):
            settle(f"ipv4/conf/{scope}/rp_filter", 0)  # what is delayed comes from elsewhere
        if (SETTINGS / NO_IPV6).exists():
            settle(NO_IPV6, 1)
        ip("link set lo up", f"addr add {ROUTER}/32 dev lo")

    def host(self, name: str) -> Host:
        """Made when it is first asked for, in about 20 ms. Raises ``ValueError`` beyond 1,000."""
        with self._making:
            if name not in self._hosts:
                if len(self._hosts) == MOST:
                    raise ValueError(f"{name} would be host {MOST + 1} of one machine")
                self._hosts[name] = self._made(name)
            return self._hosts[name]

    def namespace(self, host: Host) -> Path:
        """The file that stands for its network (network_namespaces(7))."""
        return self._namespaces / host.name

    def cut(self, here: Host, there: Host | None = None, *, one_way: bool = False) -> None:
        """Nothing passes, on connections that exist neither. With ``there`` unset a datagram of
        the measuring process to ``here`` fails with EPERM, where one of a host vanishes."""
        self._add(here, there, one_way=one_way, share=1.0)

    def lose(self, here: Host, there: Host | None, share: float) -> None:
        """Each packet by itself, both ways. Raises ``ValueError`` for a share out of 0 to 1."""
        if not 0 <= share <= 1:
            raise ValueError(f"a share of {share} cannot be lost: 0 to 1")
        self._add(here, there, share=share)

    def delay(self, here: Host, there: Host | None, seconds: float) -> str:
        """By the kernel's netem or a relay of ours, and says which. A packet is delayed once, by
        the newest delay that fits it. Raises ``Unable`` where this user can do neither."""
        if seconds not in self._lines:
            if not self._opened:
                marks_first()
            self._opened += 1
            self._lines[seconds] = delay_line(self._opened, seconds)
        line = self._lines[seconds]
        self._add(here, there, mark=line.number)
        return line.means

    def heal(self) -> None:
        """All faults are gone when it returns, and what waited has been let through."""
        self._faults.clear()
        filter_with(ruleset(()))
        while self._lines:
            self._lines.popitem()[1].close()

    def counters(self, host: Host) -> Counters:
        """IP packets, with what a cut dropped afterwards: it left the host."""
        device = f"{_device(list(self._hosts).index(host.name))}:"
        row = next(row for row in _rows() if row[0] == device)
        # The router's end: what it received, the host sent (proc_pid_net_dev(5)).
        (size_out, out), (size_in, into) = map(int, row[1:3]), map(int, row[9:11])
        return Counters(
            bytes_out=size_out - ETHERNET * out,
            bytes_in=size_in - ETHERNET * into,
            packets_out=out,
            packets_in=into,
        )

    def _add(
        self,
        here: Host,
        there: Host | None,
        *,
        one_way: bool = False,
        share: float = 0.0,
        mark: int = 0,
    ) -> None:
        fault = NetworkFault(
            here=here.address,
            there=there.address if there else None,
            one_way=one_way,
            share=share,
            mark=mark,
        )
        self._faults.append(fault)
        filter_with(ruleset(self._faults))

    def _made(self, name: str) -> Host:
        number = len(self._hosts)
        host = Host(
            name=name,
            address=f"{NETWORK}.{(number + 2) // 256}.{(number + 2) % 256}",
            prefix=("nsenter", f"--net={self._namespaces / name}", "--"),
        )
        self.namespace(host).touch()
        mine, router = (f"02:{end}:0a:4d:{number // 256:02x}:{number % 256:02x}" for end in ENDS)
        ip(
            "link set lo up",
            f"link add eth0 address {mine} type veth peer name {_device(number)}"
            f" address {router} netns /proc/{os.getpid()}/ns/net",
            f"addr add {host.address}/32 dev eth0",
            "link set eth0 up",
            f"neigh add {ROUTER} lladdr {router} dev eth0 nud permanent",
            f"route add default via {ROUTER} dev eth0 onlink",
            within=("unshare", f"--net={self.namespace(host)}", *WITHOUT_IPV6),
        )
        ip(
            f"link set {_device(number)} up",
            f"neigh add {host.address} lladdr {mine} dev {_device(number)} nud permanent",
            f"route add {host.address}/32 dev {_device(number)} src {ROUTER}",
        )
        return host


def _device(number: int) -> str:
    """The router's end."""
    return f"h{number}"


def _rows() -> Iterator[list[str]]:
    return map(str.split, DEVICES.read_text().splitlines()[2:])
