"""Where a registry is outgrown: at which simulated size a figure passes a stated bound."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lbdisc_compare.records import Simulated
from lbdisc_compare.report.beyond import TITLES, VALIDATE
from lbdisc_compare.report.rules import RULES
from lbdisc_compare.simulation.limits import LIMITS, SizeLimit

LINE = 125_000_000  # bytes a second that a line of 1 Gbit/s carries
_FAIR = {rule.name: rule.fair for rule in RULES}
PROTOCOLS = {
    "gossip": "Gossip (Serf)",
    "lease": "Leases (etcd)",
    "session": "Sessions (ZooKeeper)",
    "heartbeat": "Heartbeats (doozer)",
    "poll": "Polls (DNS)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeBound:
    """``most``: what ``figure`` may come to, in the unit of its points; ``why``: who says so."""

    protocols: tuple[str, ...]
    figure: str
    most: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Where a curve passes a bound for good: ``nodes`` and all larger simulated sizes are beyond.

    ``within`` is the largest size that is not; ``None`` stands for none in both. ``bumps`` are
    smaller sizes that are beyond, though a larger one is within again.
    """

    way: str
    bound: SizeBound
    unit: str
    where: str
    nodes: float | None
    within: float | None
    value: float  # at ``nodes``, else at ``within``
    bumps: tuple[float, ...] = ()

    @property
    def title(self) -> str:
        return TITLES.get(self.bound.figure, self.bound.figure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgrown:
    """A protocol: what documents say of its size, and what the simulation says."""

    name: str
    limits: tuple[SizeLimit, ...]
    crossings: tuple[Crossing, ...]


BOUNDS = (
    SizeBound(
        protocols=("gossip", "lease", "session", "heartbeat"),
        figure="detection_all",
        most=_FAIR["list"],
        why="the verdict on a crash calls more poor",
    ),
    SizeBound(
        protocols=("gossip",),
        figure="join_99",
        most=_FAIR["join"] / 1000,
        why="the verdict on a join calls more poor",
    ),
    SizeBound(
        protocols=("poll",),
        figure="join_half",
        most=_FAIR["join"] / 1000,
        why="the verdict on a join calls more poor",
    ),
    SizeBound(
        protocols=("gossip",),
        figure="idle_bytes",
        most=_FAIR["cost"],
        why="the verdict on cost calls more poor",
    ),
    SizeBound(
        protocols=("lease",),
        figure="server_requests",
        most=10_000,
        why="etcd, Hardware recommendations: the largest class with a bound",
    ),
    SizeBound(
        protocols=("session", "heartbeat"),
        figure="server_requests",
        most=21_000,
        why="ZooKeeper's writes a second, table 1 of its paper; of doozer nothing is published",
    ),
    SizeBound(
        protocols=("lease", "session", "heartbeat", "poll"),
        figure="server_bytes",
        most=LINE,
        why="a line of 1 Gbit/s",
    ),
    SizeBound(
        protocols=("lease", "session", "heartbeat"),
        figure="herd_seconds",
        most=_FAIR["start"],
        why="the verdict on a balancer's start calls more poor",
    ),
    SizeBound(
        protocols=("poll",),
        figure="answer_bytes",
        most=8192,
        why="HAProxy, accepted_payload_size: the most over UDP; what is beyond is never seen",
    ),
)


def outgrown(
    simulated: Sequence[Simulated], bounds: Sequence[SizeBound] = BOUNDS
) -> list[Outgrown]:
    """Each protocol; its crossings are empty where nothing was simulated."""
    crossings = [one for bound in bounds for one in _crossings(simulated, bound)]
    return [
        Outgrown(
            name=name,
            limits=tuple(one for one in LIMITS if one.way == protocol),
            crossings=tuple(one for one in crossings if _protocol(one.way) == protocol),
        )
        for protocol, name in PROTOCOLS.items()
    ]


def _protocol(way: str) -> str:
    return way.partition("-")[0]


def _crossings(simulated: Sequence[Simulated], bound: SizeBound) -> Iterator[Crossing]:
    """One for each curve that passes, or does at times; else the highest one of a protocol."""
    curves: dict[tuple[str, str], list[Simulated]] = {}
    for one in simulated:
        if one.figure == bound.figure and one.measure != VALIDATE and _counts(one, bound):
            curves.setdefault((one.way, _where(one.where)), []).append(one)
    for way in dict.fromkeys(way for way, _ in curves):
        found = [
            _crossing(bound, way, where, points)
            for (its, where), points in curves.items()
            if its == way
        ]
        passed = [one for one in found if one.nodes is not None or one.bumps]
        yield from _merged(passed) if passed else [max(reversed(found), key=lambda one: one.value)]


def _merged(passed: Sequence[Crossing]) -> Iterator[Crossing]:
    """Those that pass at the same size with the same value are one, under all of their names."""
    alike: dict[tuple[object, ...], list[Crossing]] = {}
    for one in passed:
        alike.setdefault((one.nodes, one.bumps, one.value), []).append(one)
    for same in alike.values():
        where = f"{same[0].where} to {same[-1].where}" if len(same) > 1 else same[0].where
        yield replace(same[0], where=where)


def _counts(one: Simulated, bound: SizeBound) -> bool:
    """The 95 % quantile where a figure has several."""
    return (
        _protocol(one.way) in bound.protocols
        and isinstance(one.where.get("nodes"), int | float)
        and one.where.get("of", "p95") == "p95"
    )


def _where(where: Mapping[str, object]) -> str:
    words = {"of": "", "nodes": ""}
    told = [f"{value} {name}" for name, value in where.items() if name not in words]
    return ", ".join([*told, *(["95 % quantile"] if where.get("of") == "p95" else [])])


def _crossing(bound: SizeBound, way: str, where: str, points: Sequence[Simulated]) -> Crossing:
    ordered = sorted(points, key=lambda one: float(one.where["nodes"]))
    below = [one for one in ordered if one.value <= bound.most]
    beyond = ordered[ordered.index(below[-1]) + 1 :] if below else ordered
    told = beyond[0] if beyond else below[-1]
    bumps = ordered[: len(ordered) - len(beyond)]
    return Crossing(
        way=way,
        bound=bound,
        unit=told.unit,
        where=where,
        nodes=float(beyond[0].where["nodes"]) if beyond else None,
        within=float(below[-1].where["nodes"]) if below else None,
        value=told.value,
        bumps=tuple(float(one.where["nodes"]) for one in bumps if one.value > bound.most),
    )
