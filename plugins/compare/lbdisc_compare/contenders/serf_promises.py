"""What Serf promises, by the timings of memberlist that its profiles choose."""

import math
from dataclasses import dataclass

from lbdisc_compare.contenders.contender import Promises

MEMBERS = 11  # ten nodes and a balancer
# memberlist, config.go: DefaultLANConfig, SuspicionMaxTimeoutMult; all profiles have it.
MOST_MULT = 6
SOURCE = (
    "memberlist, config.go (DefaultLocalConfig, DefaultLANConfig, DefaultWANConfig), util.go "
    "(suspicionTimeout), suspicion.go; Lifeguard, arXiv:1707.00788, section IV"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GossipProfile:
    """Seconds and multiples, as memberlist's configuration has them."""

    name: str
    probe_interval: float
    probe_timeout: float
    suspicion_mult: int
    gossip_interval: float

    def suspicion(self, members: int) -> tuple[float, float]:
        """How long a member is suspected: when enough others confirm it, and when nobody does."""
        least = self.suspicion_mult * max(1.0, math.log10(max(1, members))) * self.probe_interval
        return least, MOST_MULT * least if self.confirmations(members) else least

    def confirmations(self, members: int) -> int:
        """How many others have to confirm for the least time; 0 where there are too few."""
        wanted = self.suspicion_mult - 2
        return wanted if members - 2 >= wanted else 0


PROFILES = {
    profile.name: profile
    for profile in (
        GossipProfile(
            name="local",
            probe_interval=1.0,
            probe_timeout=0.2,
            suspicion_mult=3,
            gossip_interval=0.1,
        ),
        GossipProfile(
            name="lan",
            probe_interval=1.0,
            probe_timeout=0.5,
            suspicion_mult=4,
            gossip_interval=0.2,
        ),
        GossipProfile(
            name="wan",
            probe_interval=5.0,
            probe_timeout=3.0,
            suspicion_mult=6,
            gossip_interval=0.5,
        ),
    )
}


def promises(profile: GossipProfile) -> Promises:
    """With eleven members."""
    least, most = profile.suspicion(MEMBERS)
    interval = profile.probe_interval
    return Promises(
        servers="none; a Serf agent on every host",
        ports="7946 (TCP and UDP) between all hosts",
        quorum="none",
        clock="each agent's own intervals",
        words="A member that crashed is out when the suspicion of it has lasted: the sooner, the "
        "more others confirm it.",
        shows_in="crash",
        crash_bound=2 * interval + most,
        crash_formula=f"suspicion_mult × max(1, log10 n) × probe_interval = {least:.1f} s for "
        f"n = {MEMBERS} once {profile.confirmations(MEMBERS)} others have confirmed it, "
        f"{MOST_MULT} times that = {most:.1f} s if nobody does; and up to two probe_intervals of "
        f"{interval:g} s until one member probes it and gets no answer",
        crash_source=SOURCE,
    )
