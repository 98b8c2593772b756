"""What Serf promises, by the timings of memberlist that its profiles choose."""

from lbdisc_compare.contenders.contender import Promises
from lbdisc_compare.simulation.profiles import GossipProfile

MEMBERS = 11  # ten nodes and a balancer
MOST_AGENTS = 150  # on one machine; each takes some 20 MB and gossips without end
SOURCE = (
    "memberlist, config.go (DefaultLocalConfig, DefaultLANConfig, DefaultWANConfig), util.go "
    "(suspicionTimeout), suspicion.go; Lifeguard, arXiv:1707.00788, section IV"
)


def promises(profile: GossipProfile) -> Promises:
    """With eleven members."""
    least, most = profile.shortest_suspicion(MEMBERS), profile.longest_suspicion(MEMBERS)
    interval = profile.probe_interval
    return Promises(
        servers="none; a Serf agent on every host",
        ports="7946 (TCP and UDP) between all hosts",
        quorum="none",
        clock="each agent's own intervals",
        words="A member that crashed is out when the suspicion of it has lasted: the sooner, the "
        "more others confirm it.",
        shows_in="crash",
        crash_bound=round(2 * interval + most, 1),
        crash_formula=f"suspicion_mult × max(1, log10 n) × probe_interval = {least:.1f} s for "
        f"n = {MEMBERS} once {profile.confirmations(MEMBERS)} more suspect it too, "
        f"{profile.suspicion_max_mult} times that = {most:.1f} s if nobody does; and up to two "
        f"probe_intervals of {interval:g} s until one member probes it and gets no answer",
        crash_source=SOURCE,
    )
