"""The figures of a measure, each with its chart and its table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lbdisc_compare.measures.measure import Figure
from lbdisc_compare.report.charts.canvas import SHAPES
from lbdisc_compare.report.charts.strips import Strip, strips
from lbdisc_compare.report.charts.timeline import Course, course, timeline
from lbdisc_compare.report.known import Catalogues
from lbdisc_compare.report.reading import CellRead, SamplesRead
from lbdisc_compare.report.relatives import StandIn
from lbdisc_compare.report.rules import RULES, anchor
from lbdisc_compare.report.series import Conditions, Series

LOSSES = ("lost", "crash_failed_requests")
LIVELY = frozenset({"up", "down", "gone", "lost"})
SCENES = 4  # of a measure that are drawn; more are named as a number
BROAD = 6  # conditions beside each other in a grid; more are below each other
FEW = 3  # values up to which, under as many conditions, numbers in a grid say more than dots
MOST = 72  # rows of a chart; what is beyond is in the table alone
SECTIONS = {
    "latency": "From the registry to the first request",
    "crash": "A crash against what was promised",
    "removals": "Healthy nodes that were taken out",
    "faults": "Faults under traffic",
    "cost": "What it costs",
    "needs": "What it needs",
    "": "Also measured",
}
NOUNS = {
    "latency": "Latency",
    "crash": "Crash",
    "removals": "Wrong removals",
    "faults": "Faults",
    "cost": "Cost",
    "needs": "Servers",
    "": "More",
}  # the same in a word, for the links at the top


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLine:
    """A row of a figure's table. ``best`` is what its ratio is against; ``note``: not measured."""

    way: str
    label: str
    family: Literal["lbdisc", "outsider"]
    series: Series | None = None
    best: Series | None = None
    note: str = ""
    relative: StandIn | None = None  # where its figure is to be seen instead

    @property
    def ratio(self) -> float | None:
        """Of the medians; ``None`` where it is refused or says nothing."""
        if self.series is None or self.best is None or self.refused:
            return None
        least = self.best.spread.median
        return self.series.spread.median / least if least > 0 else None

    @property
    def refused(self) -> bool:
        """Whether the machine was busy with other programs."""
        return bool((self.series and self.series.busy) or (self.best and self.best.busy))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A figure: its chart in both shapes, and all of its values in a table."""

    anchor: str
    measure: str
    figure: Figure
    charts: tuple[str, ...]
    lines: tuple[TableLine, ...]
    related: tuple[TableLine, ...] = ()  # ways that a relative stands for
    cut: int = 0  # rows that are in the table alone
    grid: tuple[str, ...] = ()  # conditions, where a grid of medians stands for the chart

    @property
    def upright(self) -> bool:
        """Whether the grid has its conditions as rows, as they are many."""
        return len(self.grid) > BROAD

    @property
    def counts(self) -> str:
        """How many values a condition has, for people."""
        found = sorted({len(one.series.values) for one in self.lines if one.series})
        few, most = found[0], found[-1]
        return f"{few} to {most} values" if few < most else f"{most} value{'s' * (most > 1)}"

    def rows(self) -> list[tuple[TableLine, list[Series | None]]]:
        """The grid: a line of each way, and its series by condition."""
        first = {line.way: line for line in reversed(self.lines)}
        found = {
            (line.way, line.series.conditions): line.series for line in self.lines if line.series
        }
        ways = dict.fromkeys(line.way for line in self.lines)
        return [(first[way], [found.get((way, one)) for one in self.grid]) for way in ways]


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseChart:
    """The timeline of a scene."""

    anchor: str
    title: str
    charts: tuple[str, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A measure."""

    name: str
    title: str
    section: str
    plates: tuple[Plate, ...]
    courses: tuple[CourseChart, ...]
    more: tuple[str, ...] = ()  # scenes that are not drawn


def chapters(reading: SamplesRead, series: Sequence[Series], known: Catalogues) -> list[Chapter]:
    """All measures of which there are lines, known ones first in their order."""
    order = [name for name in known.measures if name in reading.measures]
    names = dict.fromkeys([*order, *reading.measures])
    return [_chapter(reading, series, known, name) for name in names]


def _chapter(
    reading: SamplesRead, series: Sequence[Series], known: Catalogues, name: str
) -> Chapter:
    measure = known.measure(name)
    own = [one for one in series if one.measure == name]
    figures = dict.fromkeys([*measure.figures, *(one.figure for one in own)])
    units = {one.figure: one.unit for one in own}
    return Chapter(
        name=name,
        title=measure.title,
        section=measure.section,
        plates=tuple(
            plate(reading, own, known, known.figure(name, figure, units.get(figure, "")), name)
            for figure in figures
        ),
        courses=tuple(_courses(reading, known, name)),
        more=tuple(faulty_scenes(reading, name)[SCENES:]),
    )


def plate(
    reading: SamplesRead, own: Sequence[Series], known: Catalogues, figure: Figure, measure: str
) -> Plate:
    """One figure of all ways."""
    found = [one for one in own if one.figure == figure.name]
    unit = found[0].unit if found else figure.unit
    groups = sorted({one.where for one in found})
    lines = [line for where in groups for line in _lines(reading, found, known, figure, where)]
    absent = list(_absent(reading, found, known, figure, measure))
    rows = _strips(lines, [one for one in absent if not one.relative])
    name = anchor(measure, figure.name)
    grid = _few(found, groups, known.measure(measure).section)
    kept = [] if grid else rows[:MOST]
    charts = tuple(
        strips(name, shape, f"{figure.title}, by way", unit, kept)
        for shape in SHAPES
        if found and kept
    )
    cut = 0 if grid else len(rows) - len(kept)
    return Plate(
        anchor=name,
        measure=measure,
        figure=figure,
        charts=charts,
        lines=(*lines, *(one for one in absent if not one.relative)),
        related=tuple(one for one in absent if one.relative),
        cut=cut,
        grid=tuple(dict.fromkeys(one.series.conditions for one in lines if one.series))
        if grid
        else (),
    )


def _few(found: Sequence[Series], groups: Sequence[Conditions], section: str) -> bool:
    """Whether numbers in a grid say more than dots: few values, and of no figure to be drawn."""
    drawn = section in ("latency", "") or any(
        (one.measure, one.figure) == (rule.measure, rule.figure) for one in found for rule in RULES
    )
    many = len(groups) >= FEW or not drawn
    return bool(found) and many and all(len(one.values) <= FEW for one in found)


def _lines(
    reading: SamplesRead,
    found: Sequence[Series],
    known: Catalogues,
    figure: Figure,
    where: Conditions,
) -> Iterator[TableLine]:
    """Of the ways that were measured under these conditions."""
    by = {one.way: one for one in found if one.where == where}
    pick = max if figure.better == "higher" else min
    best = pick(by.values(), key=lambda one: one.spread.median, default=None)
    for way in reading.ways:
        if way in by:
            base = best if figure.better != "none" and by[way] is not best else None
            yield _line(known, way, series=by[way], best=base)


def _absent(
    reading: SamplesRead, found: Sequence[Series], known: Catalogues, figure: Figure, measure: str
) -> Iterator[TableLine]:
    """Of the ways that were not measured at all."""
    there = {one.way for one in found}
    for way in reading.ways:
        relative = reading.stand_in(way, measure)
        if way not in there and relative:
            yield replace(_line(known, way), relative=relative)
        elif way not in there:
            why = reading.why_absent(way, measure, figure.name) or "its cells have no such sample"
            yield _line(known, way, note=f"not measured: {why}")


def _line(
    known: Catalogues,
    way: str,
    *,
    series: Series | None = None,
    best: Series | None = None,
    note: str = "",
) -> TableLine:
    about = known.way(way)
    return TableLine(
        way=way, label=about.title, family=about.family, series=series, best=best, note=note
    )


def _strips(lines: Sequence[TableLine], absent: Sequence[TableLine]) -> list[Strip]:
    """Rows of a chart: a heading for each set of conditions where there are several."""
    rows: list[Strip] = []
    headed = len({line.series.where for line in lines if line.series}) > 1
    last: Conditions | None = None
    for line in lines:
        if headed and line.series and line.series.where != last:
            last = line.series.where
            rows.append(Strip(label=line.series.conditions or "without conditions"))
        rows.append(Strip(label=line.label, family=line.family, series=line.series))
    return rows + [Strip(label=one.label, family=one.family, note=one.note) for one in absent]


def _courses(reading: SamplesRead, known: Catalogues, name: str) -> Iterator[CourseChart]:
    """A timeline for each scene in which there was a fault; of each way its first round."""
    for scene in faulty_scenes(reading, name)[:SCENES]:
        ways = [way for way in reading.ways if not reading.stand_in(way, name)]
        drawn = [_course(reading, known, name, scene, way) for way in ways]
        title = f"{known.measure(name).title}{f' · {scene}' if scene else ''}"
        place = anchor(f"course-{name}", scene)
        yield CourseChart(
            anchor=place,
            title=title,
            charts=tuple(timeline(place, shape, title, drawn) for shape in SHAPES),
            faults=tuple(dict.fromkeys(fault[2] for one in drawn for fault in one.faults)),
        )


def faulty_scenes(reading: SamplesRead, name: str) -> list[str]:
    """Scenes of a measure with a fault; first those that servers or requests were told of in."""
    own = [cell for cell in reading.cells if cell.measure == name]
    lively = {one.scene for cell in own for one in cell.happenings if one.what in LIVELY}
    faults = (one.scene for cell in own for one in cell.happenings if one.what == "fault")
    return sorted(dict.fromkeys(faults), key=lambda scene: scene not in lively)


def _course(reading: SamplesRead, known: Catalogues, name: str, scene: str, way: str) -> Course:
    about = known.way(way)
    named = Course(way=way, label=about.title, family=about.family, measure=name, scene=scene)
    for cell in reading.of(way, name):
        its = [one for one in cell.happenings if one.scene == scene]
        if any(one.what == "fault" for one in its):
            return course(its, replace(named, lost_total=_lost(cell, scene)))
    why = reading.why_absent(way, name) or "nothing happened in this scene"
    return replace(named, note=f"not measured: {why}")


def _lost(cell: CellRead, scene: str) -> float | None:
    """Requests lost in the scene, of all kinds; ``None`` where that was not counted."""
    found = [
        one.value
        for one in cell.samples
        if one.figure in LOSSES and scene in (one.where.get("scene", ""), one.where.get("how"))
    ]
    return sum(found) if found else None
