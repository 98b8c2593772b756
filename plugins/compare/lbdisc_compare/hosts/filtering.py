"""Faults between hosts as rules of iptables.

All traffic passes the router in the middle, where the rules are. They look at each packet alone, so
they hold for connections that exist as for new ones. Packets of other hosts, and those that are
delayed and come back, pass PREROUTING; those of the router itself pass OUTPUT.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LINES = "dly"  # what the devices' names that delay begin with


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFault:
    """What happens to packets between two addresses; without ``there``: all others.

    ``share`` of them is dropped. A ``mark`` that is not 0 sends them over the line of that number.
    """

    here: str
    there: str | None = None
    one_way: bool = False
    share: float = 0.0
    mark: int = 0

    @property
    def ways(self) -> list[tuple[str | None, str | None]]:
        """From where to where it holds."""
        there = (self.here, self.there)
        return [there] if self.one_way else [there, (self.there, self.here)]

    @property
    def matches(self) -> Iterator[str]:
        """Its chains, with what matches there."""
        for source, target in self.ways:
            sides = [f"-s {source}"] * bool(source) + [f"-d {target}"] * bool(target)
            yield f"-A PREROUTING {' '.join(sides)}"
            if source is None:
                yield f"-A OUTPUT -d {target}"


def ruleset(faults: Iterable[NetworkFault]) -> str:
    """For ``iptables-restore``: these faults, and none that were there before."""
    faults = list(faults)
    cuts = [f"{match} -j DROP" for fault in faults if fault.share >= 1 for match in fault.matches]
    losses = [
        f"{match} -m statistic --mode random --probability {fault.share:.6f} -j DROP"
        for fault in faults
        if 0 < fault.share < 1
        for match in fault.matches
    ]
    marks = [
        f"{match} -j MARK --set-mark {fault.mark}"
        for fault in faults
        if fault.mark
        for match in fault.matches
    ]
    # What comes from a line was counted for loss, and has waited, before; a cut holds for it too.
    once = f"-A PREROUTING -i {LINES}+ -j ACCEPT"
    unmarked = f"-A PREROUTING -i {LINES}+ -j MARK --set-mark 0"  # a veth keeps the mark
    return "\n".join(
        [*_table("raw", [*cuts, once, *losses]), *_table("mangle", [unmarked, once, *marks]), ""]
    )


def _table(name: str, rules: list[str]) -> list[str]:
    return [f"*{name}", ":PREROUTING ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", *rules, "COMMIT"]
