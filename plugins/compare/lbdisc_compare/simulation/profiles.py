"""The timings of gossip: Serf's profiles, and what memberlist derives from them and the size.

Facts: memberlist 0.2.2, with which Debian builds Serf 0.9.4: ``config.go`` (profiles), ``util.go``
(``suspicionTimeout``, ``retransmitLimit``, ``pushPullScale``), ``suspicion.go``.
"""

import math
from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class GossipProfile:
    """Durations are seconds; names are memberlist's."""

    name: str
    probe_interval: float
    probe_timeout: float
    gossip_interval: float
    push_pull_interval: float
    gossip_to_the_dead: float
    suspicion_mult: int
    retransmit_mult: int = 4
    indirect_checks: int = 3
    gossip_nodes: int = 3
    suspicion_max_mult: int = 6
    awareness_max: int = 8

    def without_lifeguard(self) -> Self:
        """SWIM as it was: a fixed timeout, and nobody doubts itself."""
        return replace(self, suspicion_max_mult=1, awareness_max=1)

    def retransmits(self, nodes: int) -> int:
        """How often a member sends a broadcast on."""
        return self.retransmit_mult * math.ceil(math.log10(nodes + 1))

    def shortest_suspicion(self, nodes: int) -> float:
        scale = max(1.0, math.log10(max(1.0, nodes)))
        return self.suspicion_mult * math.floor(scale * 1000) / 1000 * self.probe_interval

    def longest_suspicion(self, nodes: int) -> float:
        return self.suspicion_max_mult * self.shortest_suspicion(nodes)

    def confirmations(self, nodes: int) -> int:
        """How many others have to suspect as well for the shortest timeout."""
        wanted = self.suspicion_mult - 2
        return wanted if nodes - 2 >= wanted else 0

    def suspicion(self, nodes: int, confirmed: int) -> float:
        """The timeout of who was confirmed so often."""
        shortest, longest = self.shortest_suspicion(nodes), self.longest_suspicion(nodes)
        wanted = self.confirmations(nodes)
        if wanted < 1:
            return shortest
        share = math.log(confirmed + 1) / math.log(wanted + 1)
        return max(shortest, longest - share * (longest - shortest))

    def push_pull(self, nodes: int) -> float:
        """Between two exchanges of the whole state that a member begins."""
        if nodes <= 32:
            return self.push_pull_interval
        return (math.ceil(math.log2(nodes) - math.log2(32)) + 1) * self.push_pull_interval


LAN = GossipProfile(
    name="lan",
    probe_interval=1.0,
    probe_timeout=0.5,
    gossip_interval=0.2,
    push_pull_interval=30.0,
    gossip_to_the_dead=30.0,
    suspicion_mult=4,
)
WAN = GossipProfile(
    name="wan",
    probe_interval=5.0,
    probe_timeout=3.0,
    gossip_interval=0.5,
    push_pull_interval=60.0,
    gossip_to_the_dead=60.0,
    suspicion_mult=6,
    gossip_nodes=4,
)
LOCAL = GossipProfile(
    name="local",
    probe_interval=1.0,
    probe_timeout=0.2,
    gossip_interval=0.1,
    push_pull_interval=15.0,
    gossip_to_the_dead=15.0,
    suspicion_mult=3,
    retransmit_mult=2,
    indirect_checks=1,
)
PROFILES = {profile.name: profile for profile in (LOCAL, LAN, WAN)}
