"""Which ports a host has open to others, as its kernel says (proc_pid_net_tcp(5))."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Literal

TABLES = ("tcp", "tcp6", "udp", "udp6")
LISTENS = "0A"  # a state of TCP, linux/tcp_states.h
UNCONNECTED = "07"  # of a datagram socket
OF_CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class OpenPort:
    """A port that others reach."""

    number: int
    protocol: str  # tcp or udp

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


def open_ports(pid: int | Literal["self"]) -> list[OpenPort]:
    """Of all programs in the network of the process; what listens on loopback alone is left out.

    A datagram socket at a port that the kernel chose is a client's.
    """
    first, last = map(int, OF_CLIENTS.read_text().split())
    found = set()
    for table in TABLES:
        for port in _bound(Path(f"/proc/{pid}/net/{table}"), table[:3]):
            if port.protocol == "tcp" or not first <= port.number <= last:
                found.add(port)
    return sorted(found)


def _bound(table: Path, protocol: str) -> Iterator[OpenPort]:
    wanted = LISTENS if protocol == "tcp" else UNCONNECTED
    rows = table.read_text().splitlines()[1:] if table.exists() else []
    for words in map(str.split, rows):
        address, number = words[1].split(":")
        if words[3] == wanted and not _address(address).is_loopback:
            yield OpenPort(number=int(number, 16), protocol=protocol)


def _address(text: str) -> IPv4Address | IPv6Address:
    """Words of 32 bits, each in the machine's order of bytes."""
    words = [bytes.fromhex(text[at : at + 8]) for at in range(0, len(text), 8)]
    packed = b"".join(word[::-1] for word in words)
    if len(packed) == 4:
        return IPv4Address(packed)
    address = IPv6Address(packed)
    return address.ipv4_mapped or address
