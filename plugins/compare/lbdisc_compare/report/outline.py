"""A measure in one table: a row for each way, a column for each of its figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from lbdisc_compare.report.plates import Chapter, Plate, TableLine
from lbdisc_compare.report.series import Series
from lbdisc_compare.report.wording import told

HOW = (
    "Median / 95 % quantile (of how many values); under several conditions the least and the most "
    "of their medians (of how many conditions). The report has each by itself."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineRow:
    """A way, and its word in each column."""

    label: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """``titles`` of the columns, ``rows`` of the ways that were measured, ``notes`` on others."""

    titles: tuple[str, ...]
    rows: tuple[OutlineRow, ...]
    notes: tuple[str, ...]


def outline(chapter: Chapter) -> Outline:
    """Figures that no way has are left out; so are ways that have none, which are noted."""
    plates = [one for one in chapter.plates if any(line.series for line in one.lines)]
    lines = [line for one in chapter.plates for line in (*one.lines, *one.related)]
    labels = {line.way: line.label for line in lines}
    measured = {line.way for line in lines if line.series}
    return Outline(
        titles=tuple(one.figure.title for one in plates),
        rows=tuple(
            OutlineRow(label=label, cells=tuple(_cell(one, way) for one in plates))
            for way, label in labels.items()
            if way in measured
        ),
        notes=tuple(dict.fromkeys(_note(line) for line in lines if line.way not in measured)),
    )


def _cell(plate: Plate, way: str) -> str:
    found = [line.series for line in plate.lines if line.way == way and line.series]
    if not found:
        return "–"
    busy = ", busy" if all(one.busy for one in found) else ""
    return f"{_alone(found[0]) if len(found) == 1 else _span(found)}{busy}"


def _alone(series: Series) -> str:
    came = series.spread
    median, most = told(came.median, series.unit), told(came.p95, series.unit)
    return f"{median} (1)" if came.n == 1 else f"{median} / {most} ({came.n})"


def _span(found: Sequence[Series]) -> str:
    medians = sorted(one.spread.median for one in found)
    least, most = told(medians[0], found[0].unit), told(medians[-1], found[0].unit)
    return f"{least} ({len(found)})" if least == most else f"{least} to {most} ({len(found)})"


def _note(line: TableLine) -> str:
    return (
        f"{line.label}: see {line.relative.way}" if line.relative else f"{line.label}: {line.note}"
    )
