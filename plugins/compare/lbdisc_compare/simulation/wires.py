"""What this network namespace has sent so far, as its kernel counts it.

On loopback each packet is sent once; that it is also received is not counted again. Facts:
``/proc/net/snmp`` and ``/proc/net/netstat`` are of the namespace of who reads them
(network_namespaces(7)); their counters are those of RFC 1213 and RFC 4293.
"""

import time
from dataclasses import dataclass
from pathlib import Path

TABLES = (Path("/proc/self/net/snmp"), Path("/proc/self/net/netstat"))


@dataclass(frozen=True, slots=True, kw_only=True)
class WireCount:
    """Since the namespace was made, at ``at`` of the monotonic clock."""

    at: float
    datagrams: int
    segments: int
    bytes: int

    @property
    def packets(self) -> int:
        return self.datagrams + self.segments

    def rate(self, earlier: "WireCount", members: int) -> tuple[float, float]:
        """Packets and bytes per member and second since ``earlier``."""
        span = (self.at - earlier.at) * members
        return (self.packets - earlier.packets) / span, (self.bytes - earlier.bytes) / span


def sent() -> WireCount:
    counters: dict[str, int] = {}
    for table in TABLES:
        lines = table.read_text().splitlines()
        for names, values in zip(lines[::2], lines[1::2], strict=True):
            kind, *keys = names.split()
            counters |= {
                kind + key: int(value) for key, value in zip(keys, values.split()[1:], strict=True)
            }
    return WireCount(
        at=time.monotonic(),
        datagrams=counters["Udp:OutDatagrams"],
        segments=counters["Tcp:OutSegs"],
        bytes=counters["IpExt:OutOctets"],
    )


def quiet(seconds: float = 1.0) -> bool:
    """Whether nobody sends anything here: else counts would be others' as well."""
    before = sent()
    time.sleep(seconds)
    return sent().packets == before.packets
