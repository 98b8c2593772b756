"""Who is wrongly held dead while others are slow: what Lifeguard was made for.

The Lifeguard paper's interval experiment (section V): some members are blocked for a while and free
for a moment, again and again for two minutes. Members that are well and are held dead by somebody
are wrong removals; SWIM without Lifeguard is the same with a fixed timeout and no self-doubt.
"""

from dataclasses import dataclass

from lbdisc_compare.simulation.exact import SwimCluster
from lbdisc_compare.simulation.profiles import GossipProfile

MEMBERS = 100
BLOCKED, FREE = 8.192, 0.064  # seconds: a pair of the paper's
LASTING = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDead:
    """Of members that are well: held dead by anybody, and by another one that is well."""

    by_anybody: int
    by_the_well: int


def wrong_removals(
    profile: GossipProfile,
    slow: int,
    seed: int,
    *,
    members: int = MEMBERS,
    lasting: float = LASTING,
) -> HeldDead:
    """``slow`` of ``members`` are slow for ``lasting`` seconds."""
    cluster = SwimCluster(members, profile, seed)
    cluster.slow(slow, BLOCKED, FREE)
    cluster.run(lasting)
    return HeldDead(
        by_anybody=len(cluster.wrongly(lambda _: True)),
        by_the_well=len(cluster.wrongly(lambda member: member < members - slow)),
    )
