"""Packets that hosts send each other, counted where they pass the router.

What the measuring process sends and is sent is not among them: it looks whether programs are ready,
and asks balancers what they do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lbdisc_compare.hosts.routing import filter_with, rules_of

TABLE = "filter"


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketsSent:
    """IP packets, and bytes with the headers of IP."""

    packets: int = 0
    bytes: int = 0

    def __add__(self, other: "PacketsSent") -> "PacketsSent":
        return PacketsSent(packets=self.packets + other.packets, bytes=self.bytes + other.bytes)


class PacketTally:
    """Counts from now on what each of ``addresses`` sends to other hosts; one at a time."""

    def __init__(self, addresses: Iterable[str]) -> None:
        rules = [f"-A FORWARD -s {address}/32" for address in sorted(set(addresses))]
        filter_with("\n".join([f"*{TABLE}", ":FORWARD ACCEPT [0:0]", *rules, "COMMIT"]))

    def read(self) -> dict[str, PacketsSent]:
        """By address."""
        return dict(_counted(rules_of(TABLE)))


def _counted(rules: str) -> Iterator[tuple[str, PacketsSent]]:
    for row in rules.splitlines():
        if row.startswith("[") and " -A FORWARD -s " in row:
            counted, _, _, _, address = row.split()[:5]
            packets, size = counted.strip("[]").split(":")
            yield address.removesuffix("/32"), PacketsSent(packets=int(packets), bytes=int(size))
