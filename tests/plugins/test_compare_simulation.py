"""The simulation keeps what its protocols promise; nothing here runs a server."""

from itertools import islice

import numpy as np
import pytest

from lbdisc_compare import records
from lbdisc_compare.simulation import curves, messages, possible_nodes, traffic, validation
from lbdisc_compare.simulation.broadcasts import Broadcasts, Rumour
from lbdisc_compare.simulation.crashing import crash
from lbdisc_compare.simulation.exact import SwimCluster
from lbdisc_compare.simulation.herd import SERVERS, stampede
from lbdisc_compare.simulation.joining import join
from lbdisc_compare.simulation.keeping import HEARTBEAT, LEASE
from lbdisc_compare.simulation.limits import LIMITS
from lbdisc_compare.simulation.network import Slowness
from lbdisc_compare.simulation.polling import POLL
from lbdisc_compare.simulation.profiles import LAN, LOCAL, PROFILES, WAN, GossipProfile
from lbdisc_compare.simulation.slowness import wrong_removals


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
    assert LAN.probe_interval + LAN.shortest_suspicion(100) - 0.1 < found.dead[0]
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
    assert 0.8 < spread.packets / 1000 / LAN.retransmits(1000) < 1.3


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


@pytest.mark.parametrize("members", [100, 1000])
def test_arrays_find_a_crash_when_events_do(members: int) -> None:
    exact = []
    for seed in range(6):
        cluster = SwimCluster(members, LAN, seed)
        cluster.run(2.0)
        exact.append(cluster.kill(members // 2)[-1])
    assert median_crash(members, LAN, 12) == pytest.approx(float(np.median(exact)), rel=0.15)


def exact_join(members: int, seed: int) -> tuple[float, int]:
    """Seconds until half know, and the packets of gossip of it."""
    cluster = SwimCluster(members, LAN, seed)
    cluster.run(2.0)
    _, known = cluster.join()
    cluster.run(10.0)
    return float(np.median(known)), cluster.network.packets["gossip"]


@pytest.mark.parametrize("members", [100, 1000])
def test_arrays_spread_a_join_as_events_do(members: int) -> None:
    draws, trials = random(), range(8)
    events = [exact_join(members, seed) for seed in trials]
    arrays = [
        (one.until(0.5), one.packets) for one in (join(members + 1, LAN, draws) for _ in trials)
    ]
    half, packets = np.median(arrays, axis=0) / np.median(events, axis=0)
    assert half == pytest.approx(1, abs=0.3)
    assert packets == pytest.approx(1, abs=0.15)


def test_a_member_that_is_only_slow_refutes_and_stays() -> None:
    cluster = SwimCluster(20, LAN, seed=1)
    cluster.network.slow[3] = Slowness(begin=1.0, blocked=2.5, free=1000.0)
    cluster.run(60.0)
    assert cluster.said == []
    assert cluster.members[3].incarnation > 0


def test_without_lifeguard_one_slow_member_has_more_of_the_well_held_dead() -> None:
    swim = wrong_removals(LAN.without_lifeguard(), 1, seed=1, members=40)
    lifeguard = wrong_removals(LAN, 1, seed=1, members=40)
    assert lifeguard.by_anybody < swim.by_anybody


def test_idle_members_send_a_ping_and_an_answer_each_interval() -> None:
    cluster = SwimCluster(50, LAN, seed=1)
    cluster.run(60.0)
    assert cluster.network.packets["ping"] == pytest.approx(50 * 60, abs=50)
    assert cluster.network.packets["ack"] == cluster.network.packets["ping"]


def test_the_same_seed_makes_the_same_cluster() -> None:
    one, two = (SwimCluster(30, LOCAL, seed=7) for _ in range(2))
    assert one.join() == two.join()
    assert one.kill(5) == two.kill(5)


def test_a_full_packet_leaves_what_has_no_room_for_the_next() -> None:
    queue = Broadcasts()
    for node in range(30):
        queue.say(Rumour("alive", node))
    first = queue.take(limit=2, room=1398)
    second = queue.take(limit=2, room=1398)
    assert len(first) == 14
    assert not {word.node for word in first} & {word.node for word in second}


def test_a_later_word_on_a_member_replaces_the_earlier() -> None:
    queue = Broadcasts()
    queue.say(Rumour("suspect", 1, source=2))
    queue.say(Rumour("alive", 1, incarnation=1))
    assert [word.kind for word in queue.take(limit=1, room=1000)] == ["alive"]
    assert not queue


def test_what_this_machine_takes_has_a_reason() -> None:
    most, why = possible_nodes()
    assert 1 <= most <= 240
    assert why
    assert possible_nodes("serf-lan")[0] <= possible_nodes("etcd")[0]


def test_every_limit_names_its_source() -> None:
    assert all(limit.source and limit.words for limit in LIMITS)
    assert {limit.way for limit in LIMITS} == {"gossip", "lease", "session", "heartbeat", "poll"}


def test_what_is_simulated_beside_the_real_has_the_names_of_what_is_measured() -> None:
    simulated = list(validation.expectations("etcd", 10))
    assert {one.figure for one in simulated} <= {figure.name for figure in validation.FIGURES}
    assert all(one.where == {"nodes": 10} and one.way == "etcd" for one in simulated)
