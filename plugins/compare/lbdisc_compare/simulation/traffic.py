"""What a member of a gossip cluster sends while nothing happens."""

from dataclasses import dataclass

from lbdisc_compare.simulation import messages
from lbdisc_compare.simulation.profiles import GossipProfile

LOOPBACK = 65_483  # bytes of a TCP segment on ``lo``
ETHERNET = 1_448


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Per member and second, sent."""

    packets: float
    bytes: float


def idle(profile: GossipProfile, members: int, segment: int = ETHERNET) -> Rate:
    """A ping and an answer for another's in each interval, and the exchanges of whole states."""
    exchanges = 1 / profile.push_pull(members)
    probes = 1 / profile.probe_interval
    probe_bytes = messages.packet(messages.ping()) + messages.packet(messages.ack())
    return Rate(
        packets=2 * probes + exchanges * messages.push_pull_packets(members, segment),
        bytes=probes * probe_bytes + exchanges * messages.push_pull_bytes(members, segment),
    )
