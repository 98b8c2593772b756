"""All curves of the simulation, as records for the report."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lbdisc_compare.records import Simulated
from lbdisc_compare.simulation import traffic
from lbdisc_compare.simulation.crashing import crash
from lbdisc_compare.simulation.draws import generator
from lbdisc_compare.simulation.herd import SERVERS, stampede
from lbdisc_compare.simulation.joining import join
from lbdisc_compare.simulation.keeping import KEEPINGS, Upkeep
from lbdisc_compare.simulation.polling import POLL, STREAM
from lbdisc_compare.simulation.profiles import LAN, LOCAL, PROFILES, GossipProfile
from lbdisc_compare.simulation.slowness import LASTING, MEMBERS, wrong_removals
from lbdisc_compare.simulation.validation import SIZES, expectations

MEASURE = "simulation"
NODES = (10, 50, 100, 1_000, 10_000, 100_000)
BALANCERS = (2, 10, 100, 1_000)
SLOW = (1, 4, 8)  # of a hundred members
TRIALS = 10_000  # of what is only drawn


def curves(seed: int = 1, quick: bool = False) -> Iterator[Simulated]:
    """Every point of every curve: quick in seconds, in full about a minute on one core.

    The same seed gives the same points.
    """
    for profile in PROFILES.values():
        for nodes in NODES:
            yield from gossip(profile, nodes, seed, _repeats(nodes, quick))
    for profile in (LOCAL, LAN):
        for slow in SLOW[:1] if quick else SLOW:
            yield from wronged(profile, slow, seed, 30.0 if quick else LASTING)
    for keeping in KEEPINGS:
        yield from kept(keeping, seed)
        for nodes in NODES:
            for balancers in BALANCERS:
                if not quick or nodes + balancers <= 20_000:
                    yield from herd(keeping, nodes, balancers, seed)
    yield from polled(seed)
    if not quick:
        for way, sizes in SIZES.items():
            for nodes in sizes:
                yield from expectations(way, nodes, seed)


def _repeats(nodes: int, quick: bool) -> int:
    if nodes > 10_000:
        return 1 if quick else 5
    return 3 if quick else 15


def point(way: str, figure: str, value: float, unit: str, **where: Any) -> Simulated:
    return Simulated(
        way=way, measure=MEASURE, figure=figure, value=float(value), unit=unit, where=where
    )


def spread_of(
    way: str, figure: str, values: Sequence[float] | np.ndarray[Any, Any], **where: Any
) -> Iterator[Simulated]:
    """Median and 95th percentile of seconds."""
    for name, share in (("median", 50), ("p95", 95)):
        yield point(way, figure, np.percentile(values, share), "s", of=name, **where)


def gossip(profile: GossipProfile, nodes: int, seed: int, repeats: int) -> Iterator[Simulated]:
    """One profile at one size: a crash, a join, and the traffic of both and of neither."""
    way = f"gossip-{profile.name}"
    random = generator(seed, way, nodes)
    found = [crash(nodes, profile, random) for _ in range(repeats)]
    yield from spread_of(way, "detection_first", [one.dead[0] for one in found], nodes=nodes)
    yield from spread_of(way, "detection_all", [one.dead[-1] for one in found], nodes=nodes)
    joins = [join(nodes, profile, random) for _ in range(repeats)]
    for figure, share in (("join_half", 0.5), ("join_99", 0.99), ("join_all", 1.0)):
        yield from spread_of(way, figure, [one.until(share) for one in joins], nodes=nodes)
    idle = traffic.idle(profile, nodes)
    yield point(way, "idle_messages", idle.packets, "messages/s", nodes=nodes)
    yield point(way, "idle_bytes", idle.bytes, "bytes/s", nodes=nodes)
    per_member = 1 / nodes / repeats
    packets = sum(one.packets for one in joins) * per_member
    size = sum(one.bytes for one in joins) * per_member
    yield point(way, "join_messages", packets, "count", nodes=nodes)
    yield point(way, "join_bytes", size, "count", nodes=nodes)
    packets = sum(one.packets for one in found) * per_member
    yield point(way, "crash_messages", packets, "count", nodes=nodes)


def wronged(profile: GossipProfile, slow: int, seed: int, lasting: float) -> Iterator[Simulated]:
    """Members that are well and were held dead, while ``slow`` others are slow."""
    way = f"gossip-{profile.name}"
    for lifeguard in ("yes", "no"):
        timings = profile if lifeguard == "yes" else profile.without_lifeguard()
        wrong = wrong_removals(timings, slow, seed, lasting=lasting)
        where = {"nodes": MEMBERS, "slow": slow, "lifeguard": lifeguard}
        yield point(way, "wrong_anywhere", wrong.by_anybody, "count", **where)
        yield point(way, "wrong_at_the_well", wrong.by_the_well, "count", **where)


def kept(keeping: Upkeep, seed: int) -> Iterator[Simulated]:
    """One way with servers, while nothing changes and in a crash."""
    way = keeping.way
    for nodes in NODES:
        found = keeping.detection(TRIALS, generator(seed, way, nodes))
        yield from spread_of(way, "detection_all", found, nodes=nodes)
        per_member = keeping.packets_per_second(nodes) / nodes
        yield point(way, "idle_messages", per_member, "messages/s", nodes=nodes)
        for balancers in BALANCERS:
            where = {"nodes": nodes, "balancers": balancers}
            requests = keeping.requests_per_second(nodes)
            events = keeping.events_per_second(nodes, balancers)
            yield point(way, "server_requests", requests, "requests/s", **where)
            yield point(way, "server_events", events, "messages/s", **where)
            size = keeping.bytes_per_second(nodes, balancers)
            yield point(way, "server_bytes", size, "bytes/s", **where)
            change = balancers * keeping.event_bytes
            yield point(way, "join_bytes_server", change, "count", **where)


def herd(keeping: Upkeep, nodes: int, balancers: int, seed: int) -> Iterator[Simulated]:
    """After an outage of the servers."""
    random = generator(seed, "herd", keeping.way, nodes, balancers)
    after = stampede(nodes, balancers, keeping, SERVERS[keeping.way], random)
    where = {"nodes": nodes, "balancers": balancers}
    yield point(keeping.way, "herd_seconds", after.served, "s", **where)
    yield point(keeping.way, "herd_requests", after.requests, "requests", **where)
    yield point(keeping.way, "herd_in_vain", after.in_vain, "requests", **where)
    yield point(keeping.way, "herd_queued", after.queued, "requests", **where)
    yield point(keeping.way, "herd_bytes", after.bytes, "count", **where)


def polled(seed: int) -> Iterator[Simulated]:
    """DNS: a crash is never news by itself; a changed zone is."""
    way = POLL.way
    for nodes in NODES:
        seen = POLL.news(TRIALS, generator(seed, way, nodes))
        yield from spread_of(way, "join_half", seen, nodes=nodes)
        yield point(way, "answer_bytes", POLL.answer(nodes), "count", nodes=nodes)
        yield point(way, "nodes_listed", POLL.listed(nodes), "count", nodes=nodes)
        for balancers in BALANCERS:
            where = {"nodes": nodes, "balancers": balancers}
            queries = POLL.queries_per_second(balancers)
            yield point(way, "server_requests", queries, "requests/s", **where)
            size = POLL.bytes_per_second(nodes, balancers)
            yield point(way, "server_bytes", size, "bytes/s", **where)
    yield point(way, "most_nodes", POLL.most_nodes(POLL.payload), "count", over="UDP")
    yield point(way, "most_nodes", POLL.most_nodes(STREAM), "count", over="TCP")
