"""The simulation beside the real thing, at sizes that this machine takes.

``python -m lbdisc_compare.simulation`` in a network namespace of its own prints the table; as a
measure its samples are what was measured, and ``expectations`` gives the simulated figures of the
same names, as records of their own kind.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lbdisc_compare.contenders.contender import Contender, Unable
from lbdisc_compare.measures.measure import Figure, Need, Scale, Section, Sitting
from lbdisc_compare.records import Simulated
from lbdisc_compare.simulation import traffic
from lbdisc_compare.simulation.crashing import crash
from lbdisc_compare.simulation.draws import generator
from lbdisc_compare.simulation.joining import join
from lbdisc_compare.simulation.keeping import LEASE
from lbdisc_compare.simulation.profiles import PROFILES, GossipProfile
from lbdisc_compare.simulation.real_gossip import RealGossip
from lbdisc_compare.simulation.real_leases import RealLeases
from lbdisc_compare.simulation.wires import quiet, sent

MESSAGES = Figure(
    name="idle_messages", title="Packets per member, idle", unit="messages/s", better="none"
)
BYTES = Figure(name="idle_bytes", title="Bytes per member, idle", unit="bytes/s", better="none")
FIRST = Figure(name="detection_first", title="kill -9 until the first knows", unit="s")
ALL = Figure(name="detection_all", title="kill -9 until all know", unit="s")
HALF = Figure(name="join_half", title="A join until half know", unit="s")
MOST = Figure(name="join_99", title="A join until 99 % know", unit="s")
JOINING = Figure(
    name="join_messages", title="Packets per member because of a join", unit="count", better="none"
)
FIGURES = (MESSAGES, BYTES, FIRST, ALL, HALF, MOST, JOINING)

PROTOCOLS = {"serf-local": "gossip-local", "serf-lan": "gossip-lan", "etcd": "lease"}
SIZES = {"serf-local": (10, 50, 100), "serf-lan": (10, 50), "etcd": (10, 50, 100)}  # as a measure
PROCESSES = 50  # registrars; more are light
TRIALS = 40  # of what is simulated to be compared
DETECTION = 120.0  # seconds after which a kill that nobody noticed is a failure
SETTLING = 4.0  # seconds that a join's last packets take


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured of a size."""

    kills: int
    joins: int
    settling: bool  # whether to wait until exchanges of states are under way


def _measured(figure: Figure, value: float) -> tuple[Figure, float]:
    return figure, float(value)


def real_gossip(
    profile: GossipProfile, nodes: int, effort: Effort
) -> Iterator[tuple[Figure, float]]:
    """Values of real Serf agents."""
    with RealGossip(profile.name, nodes) as gossip:
        interval = profile.push_pull(nodes)
        if effort.settling:
            time.sleep(profile.push_pull_interval + interval)
        before, after = gossip.traffic(interval if effort.settling else 10.0)
        packets, size = after.rate(before, nodes)
        yield _measured(MESSAGES, packets)
        yield _measured(BYTES, size)
        for number in range(effort.joins):
            yield from _real_join(gossip, f"node-{nodes + number:05d}", profile)
        for name in gossip.names[1 : 1 + effort.kills]:
            time.sleep(1.0)
            gossip.forget(name)  # on a starved machine it may have been held dead, and refuted it
            at = gossip.kill(name)
            told = gossip.all_hear("Failed", name, DETECTION)
            yield _measured(FIRST, told[0] - at)
            yield _measured(ALL, told[-1] - at)


def _real_join(
    gossip: RealGossip, name: str, profile: GossipProfile
) -> Iterator[tuple[Figure, float]]:
    """Probes are subtracted: a datagram for each and for its answer."""
    before = sent()
    gossip.start(name)
    told = gossip.all_hear("Join", name, DETECTION)
    time.sleep(SETTLING)
    after = sent()
    yield _measured(HALF, told[round(len(told) * 0.5) - 1] - told[0])
    yield _measured(MOST, told[round(len(told) * 0.99) - 1] - told[0])
    others = len(told)
    more = (after.datagrams - before.datagrams) / others
    yield _measured(JOINING, more - 2 / profile.probe_interval * (after.at - before.at))


def real_leases(nodes: int, effort: Effort, folder: Path) -> Iterator[tuple[Figure, float]]:
    """Values of a real etcd and registrars; light ones beyond 50."""
    with RealLeases(folder, nodes, light=nodes > PROCESSES) as leases:
        time.sleep(LEASE.pace)
        before, after = leases.traffic(6 * LEASE.pace)
        packets, size = after.rate(before, nodes)
        yield _measured(MESSAGES, packets)
        yield _measured(BYTES, size)
        pauses = np.random.default_rng(nodes).uniform(0.2, 2.0, effort.kills)
        killed: dict[str, float] = {}
        for name, pause in zip(leases.names, pauses, strict=False):
            time.sleep(pause)
            killed[name] = leases.kill(name)
        for name, at in killed.items():
            yield _measured(ALL, leases.gone(name, 3 * LEASE.ttl) - at)


def expected(
    way: str, nodes: int, seed: int = 1
) -> Mapping[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """What the simulation says: values by the name of the figure."""
    protocol = PROTOCOLS[way]
    random = generator(seed, "validation", protocol, nodes)
    if protocol == "lease":
        return {
            MESSAGES.name: np.array([LEASE.packets_per_second(nodes) / nodes]),
            BYTES.name: np.array([LEASE.bytes_per_second(nodes, 1) / nodes]),
            ALL.name: LEASE.detection(TRIALS, random),
        }
    profile = PROFILES[protocol.removeprefix("gossip-")]
    idle = traffic.idle(profile, nodes, traffic.LOOPBACK)
    found = [crash(nodes, profile, random) for _ in range(TRIALS)]
    joins = [join(nodes + 1, profile, random) for _ in range(TRIALS)]
    return {
        MESSAGES.name: np.array([idle.packets]),
        BYTES.name: np.array([idle.bytes]),
        FIRST.name: np.array([one.dead[0] for one in found]),
        ALL.name: np.array([one.dead[-1] for one in found]),
        HALF.name: np.array([one.until(0.5) for one in joins]),
        MOST.name: np.array([one.until(0.99) for one in joins]),
        JOINING.name: np.array([one.packets / nodes for one in joins]),
    }


def expectations(way: str, nodes: int, seed: int = 1) -> Iterator[Simulated]:
    """The same as records: medians, under the name of the way that is measured beside."""
    units = {figure.name: figure.unit for figure in FIGURES}
    for name, values in expected(way, nodes, seed).items():
        yield Simulated(
            way=way,
            measure=BesideReal.name,
            figure=name,
            value=float(np.median(values)),
            unit=units[name],
            where={"nodes": nodes},
        )


class BesideReal:
    """The measure: real Serf agents and real leases of 10, 50 and 100 nodes, without a balancer."""

    name = "validate"
    title = "The simulation beside the real thing"
    section: Section = "simulation"
    figures = FIGURES
    needs: frozenset[Need] = frozenset()

    def rounds(self, scale: Scale) -> int:
        return scale.count(1, 0)

    def seconds(self, contender: Contender, scale: Scale) -> float:
        if contender.name not in PROTOCOLS:
            return 0.5
        return {"etcd": 240.0, "serf-local": 420.0, "serf-lan": 360.0}[contender.name]

    def run(self, contender: Contender, sitting: Sitting) -> None:
        """Raises ``Unable`` for ways that are not simulated on their own, or where others talk."""
        if contender.name not in PROTOCOLS:
            raise Unable(f"{contender.name} has no simulation of its own to be held against it")
        if not quiet():
            raise Unable("others use this network: their packets would be counted")
        for nodes in SIZES[contender.name]:
            effort = Effort(kills=4, joins=3, settling=True)
            for figure, value in measured(contender.name, nodes, effort, sitting.hosts.folder):
                sitting.sample(figure, value, nodes=nodes)


def measured(way: str, nodes: int, effort: Effort, folder: Path) -> Iterator[tuple[Figure, float]]:
    """The real values of a way that ``PROTOCOLS`` knows."""
    if way == "etcd":
        yield from real_leases(nodes, effort, folder / f"leases-{nodes}")
    else:
        yield from real_gossip(PROFILES[way.removeprefix("serf-")], nodes, effort)


__all__ = ["BesideReal", "expectations", "expected", "measured"]
