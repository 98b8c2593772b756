"""The simulation keeps what its protocols promise; nothing here runs a server."""

from itertools import islice

import numpy as np
import pytest

from lbdisc_compare import records
from lbdisc_compare.simulation import curves, messages, traffic
from lbdisc_compare.simulation.crashing import crash
from lbdisc_compare.simulation.herd import SERVERS, stampede
from lbdisc_compare.simulation.joining import join
from lbdisc_compare.simulation.keeping import HEARTBEAT, LEASE
from lbdisc_compare.simulation.polling import POLL
from lbdisc_compare.simulation.profiles import LAN, LOCAL, PROFILES, WAN, GossipProfile


def random(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def median_crash(members: int, profile: GossipProfile, trials: int = 8) -> float:
    draws = random()
    return float(np.median([crash(members, profile, draws).dead[-1] for _ in range(trials)]))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("members", [2, 3, 10, 1000])
def test_everybody_learns_of_a_join(members: int, profile: GossipProfile) -> None:
    known = join(members, profile, random()).known
    assert len(known) == members
    assert np.isfinite(known).all()


def test_a_crash_is_found_by_all_others_and_not_before_the_shortest_suspicion() -> None:
    found = crash(100, LAN, random())
    assert len(found.dead) == 99
    assert LAN.probe_interval + LAN.shortest_suspicion(100) <= found.dead[0]
    assert np.isfinite(found.dead).all()


def test_detection_grows_as_the_logarithm_of_the_size() -> None:
    small, large = median_crash(100, LAN), median_crash(10_000, LAN)
    assert 1.5 < large / small < 2.5  # log 10,000 / log 100 = 2; the sizes differ a hundredfold


def test_profiles_are_memberlists() -> None:
    assert LAN.shortest_suspicion(10) == 4.0
    assert LAN.longest_suspicion(10_000) == 4 * 4 * 6
    assert LOCAL.retransmits(100) == 2 * 3
    assert LAN.push_pull(32) == 30.0
    assert LAN.push_pull(33) == 60.0
    assert WAN.confirmations(10) == 4
    assert LAN.confirmations(3) == 0


def test_each_confirmation_shortens_the_wait() -> None:
    waits = [LAN.suspicion(100, confirmed) for confirmed in range(3)]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] == LAN.longest_suspicion(100)
    assert waits[-1] == LAN.shortest_suspicion(100)


def test_probes_of_a_member_do_not_depend_on_the_size_but_exchanges_do() -> None:
    small, large = traffic.idle(LAN, 100), traffic.idle(LAN, 1000)
    assert small.packets == pytest.approx(large.packets, rel=0.25)
    assert traffic.idle(LAN, 100_000).bytes > 5 * large.bytes


def test_a_join_costs_a_member_about_the_retransmissions() -> None:
    spread = join(1000, LAN, random())
    assert 0.7 < spread.packets / 1000 / LAN.retransmits(1000) <= 1


def test_load_of_the_servers_of_leases_grows_with_the_nodes() -> None:
    assert LEASE.requests_per_second(1000) == 10 * LEASE.requests_per_second(100)


def test_heartbeats_by_writes_are_told_to_every_balancer() -> None:
    assert HEARTBEAT.events_per_second(100, 20) == 20 * HEARTBEAT.writes_per_second(100)
    assert LEASE.events_per_second(100, 20) == 0


def test_a_lease_ends_within_its_ttl_and_the_look_of_the_server() -> None:
    found = LEASE.detection(1000, random())
    assert LEASE.ttl - LEASE.pace <= found.min()
    assert found.max() <= LEASE.ttl + LEASE.tick


def test_a_herd_takes_longer_the_more_balancers_read_everything() -> None:
    few, many = (
        stampede(10_000, balancers, LEASE, SERVERS["lease"], random()) for balancers in (10, 200)
    )
    assert few.bytes < many.bytes
    assert few.served < many.served


def test_patience_that_ends_too_soon_makes_the_servers_work_in_vain() -> None:
    after = stampede(100_000, 10, LEASE, SERVERS["lease"], random())
    assert after.in_vain > 0
    assert after.requests > 200_000


def test_an_answer_of_dns_has_a_last_node() -> None:
    assert POLL.listed(100) == 100
    assert POLL.listed(100_000) == POLL.most_nodes(65_535)
    assert POLL.over_tcp(1000)


def test_lzw_shortens_what_repeats_and_lengthens_what_does_not() -> None:
    assert messages.lzw(b"lbdisc" * 100) < 300
    assert messages.lzw(bytes(range(256))) > 256


def test_the_state_of_many_is_taken_as_growing_in_proportion() -> None:
    assert messages.state(2000) > 1.8 * messages.state(1000)


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, two, other = (
        [records.line(point) for point in islice(curves(seed, quick=True), 60)]
        for seed in (1, 1, 2)
    )
    assert one == two
    assert one != other
