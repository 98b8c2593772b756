"""What was simulated, apart from all that was measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from lbdisc_compare.records import Simulated
from lbdisc_compare.report.charts.canvas import SHAPES
from lbdisc_compare.report.charts.curves import Curve, curves
from lbdisc_compare.report.rules import anchor
from lbdisc_compare.report.series import Conditions, conditions

MOST = 8  # curves in one chart; the rest is in the table
VALIDATE = "validate"  # the measure in which the simulation stands beside the real thing
SIZES = ("nodes", "members", "balancers", "n")  # what an x axis may be, the first that differs

TITLES = {
    "detection_first": "Crash → the first member knows",
    "detection_all": "Crash → all know",
    "join_half": "Join → half know",
    "join_99": "Join → 99 % know",
    "join_all": "Join → all know",
    "idle_messages": "Idle: messages per node",
    "idle_bytes": "Idle: bytes per node",
    "join_messages": "A join: messages per node",
    "join_bytes": "A join: bytes per node",
    "crash_messages": "A crash: messages per node",
    "wrong_anywhere": "Healthy nodes held dead by anybody",
    "wrong_at_the_well": "Healthy nodes held dead by healthy ones",
    "server_requests": "Requests to the servers",
    "server_events": "News from the servers",
    "server_bytes": "Bytes from the servers",
    "join_bytes_server": "A join: bytes from the servers",
    "herd_seconds": "After an outage: until all have read anew",
    "herd_requests": "After an outage: requests",
    "herd_in_vain": "After an outage: requests in vain",
    "herd_queued": "After an outage: requests that wait",
    "herd_bytes": "After an outage: bytes",
    "answer_bytes": "DNS: size of an answer",
    "nodes_listed": "DNS: nodes in an answer",
    "most_nodes": "DNS: most nodes in an answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPoint:
    """Values of one protocol at one x."""

    way: str
    label: str
    x: float
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """A simulated figure."""

    anchor: str
    figure: str
    unit: str
    axis: str
    charts: tuple[str, ...]
    points: tuple[SimulatedPoint, ...]
    cut: int

    @property
    def sizes(self) -> list[float]:
        """All x, from small to large."""
        return sorted({point.x for point in self.points})

    def rows(self) -> list[tuple[str, str, list[SimulatedPoint | None]]]:
        """The table: protocol and label, and a point for each of ``sizes``."""
        found = {(point.way, point.label, point.x): point for point in self.points}
        names = dict.fromkeys((point.way, point.label) for point in self.points)
        return [(*name, [found.get((*name, x)) for x in self.sizes]) for name in names]

    @property
    def title(self) -> str:
        return TITLES.get(self.figure, self.figure)


def beyond(simulated: Sequence[Simulated]) -> list[Beyond]:
    """A chart for each figure; what only stands beside something real has a table of its own."""
    simulated = [one for one in simulated if one.measure != VALIDATE]
    figures = dict.fromkeys(one.figure for one in simulated)
    return [_beyond([one for one in simulated if one.figure == name]) for name in figures]


def _beyond(points: Sequence[Simulated]) -> Beyond:
    first = points[0]
    axis = _axis(points)
    drawn = list(_curves(points, axis))
    place = anchor("simulated", first.figure)
    kept = [curve for curve in drawn if "of p95" not in curve.where][:MOST]
    return Beyond(
        anchor=place,
        figure=first.figure,
        unit=first.unit,
        axis=axis,
        charts=tuple(
            curves(
                place,
                shape,
                f"Simulated: {TITLES.get(first.figure, first.figure)}",
                axis,
                first.unit,
                kept,
            )
            for shape in SHAPES
            if axis
        ),
        points=tuple(
            SimulatedPoint(way=curve.way, label=curve.label, x=x, values=tuple(values))
            for curve in drawn
            for x, values in sorted(curve.points.items())
        ),
        cut=len(drawn) - len(kept),
    )


def _axis(points: Sequence[Simulated]) -> str:
    """The size that differs most; empty where none does."""
    found = {
        name: len({one.where[name] for one in points if _number(one.where.get(name))})
        for name in SIZES
    }
    best = max(found, key=lambda name: found[name])
    return best if found[best] > 0 else ""


def _curves(points: Sequence[Simulated], axis: str) -> Iterator[Curve]:
    groups: dict[tuple[str, Conditions], dict[float, list[float]]] = {}
    for one in points:
        x = one.where.get(axis)
        if axis and not _number(x):
            continue
        where = conditions({name: value for name, value in one.where.items() if name != axis})
        by = groups.setdefault((one.way, where), {})
        by.setdefault(float(x) if x is not None else 0.0, []).append(one.value)
    for (way, where), by in groups.items():
        words = ", ".join(f"{name} {value}" for name, value in where)
        yield Curve(label=f"{way}{f', {words}' if words else ''}", way=way, where=words, points=by)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
