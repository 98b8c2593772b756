"""All values of a figure, a row for each way: dots, where the middle half lies, median and p95."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch

from lbdisc_compare.report.charts.canvas import (
    BAD,
    INK,
    OURS,
    SOFT,
    THEIRS,
    Canvas,
    Shape,
    cut,
    dots,
)
from lbdisc_compare.report.charts.scales import scaled
from lbdisc_compare.report.series import Series
from lbdisc_compare.report.statistics import Distribution, quantile
from lbdisc_compare.report.wording import brief, told

DRAWN = 40  # dots in a row; of more, as many quantiles are drawn, both ends among them
GOLDEN = 0.618033988749895  # spreads dots evenly over a row, the same each time


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A row: a heading (neither series nor note), a series, or a note instead of one."""

    label: str
    family: Literal["lbdisc", "outsider"] = "lbdisc"
    series: Series | None = None
    note: str = ""

    @property
    def heading(self) -> bool:
        return self.series is None and not self.note

    @property
    def colour(self) -> str:
        return OURS if self.family == "lbdisc" else THEIRS


def strips(name: str, shape: Shape, title: str, unit: str, rows: Sequence[Strip]) -> str:
    """The chart as SVG; ``rows`` from above."""
    step = 30.0 if shape == "wide" else 42.0
    canvas = Canvas(name, shape, 58 + step * len(rows), title)
    left, right = (236, 150) if canvas.wide else (8, 70)
    axes = canvas.axes(left=left, right=right, top=24, bottom=34)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    values = [value for row in rows if row.series for value in row.series.values]
    values += [row.series.promised for row in rows if row.series and row.series.promised]
    scaled(axes, "x", values, unit, 8 if canvas.wide else 4)
    _heads(canvas, axes)
    for at, row in enumerate(rows):
        _row(canvas, axes, row, at, unit)
    return canvas.svg()


def _heads(canvas: Canvas, axes: Axes) -> None:
    style = {"color": SOFT, "fontsize": 11.5}
    canvas.text(axes, 1.02, -0.75, "median", **style)
    if canvas.wide:
        canvas.text(axes, 1.135, -0.75, "p95", **style)


def thinned(values: Sequence[float]) -> list[float]:
    """All of few values; of many as many quantiles, with both ends."""
    ordered = sorted(values)
    if len(ordered) <= DRAWN:
        return ordered
    return [quantile(ordered, at / (DRAWN - 1)) for at in range(DRAWN)]


def _row(canvas: Canvas, axes: Axes, row: Strip, at: int, unit: str) -> None:
    middle = at if canvas.wide or row.heading else at + 0.18
    if row.heading:
        x = -0.37 if canvas.wide else 0.0
        canvas.text(
            axes, x, at + 0.1, cut(row.label, 60), color=SOFT, fontweight="bold", fontsize=12.5
        )
        return
    if canvas.wide:
        canvas.text(axes, -0.015, at, cut(row.label, 32), color=row.colour, ha="right")
    else:
        canvas.text(axes, 0.0, at - 0.26, cut(row.label, 38), color=row.colour, fontsize=12.5)
    if row.series is None:
        most = 96 if canvas.wide else 44
        canvas.text(
            axes, 0.005, middle, cut(row.note, most), color=SOFT, style="italic", fontsize=12
        )
        return
    _values(canvas, axes, row, row.series, middle, unit)


def _drawn(count: int) -> str:
    return f", drawn as {DRAWN} quantiles" if count > DRAWN else ""


def _values(
    canvas: Canvas, axes: Axes, row: Strip, series: Series, middle: float, unit: str
) -> None:
    ordered, came = sorted(series.values), series.spread
    reach = (0.26 if canvas.wide else 0.16) if came.n > 1 else 0.0
    _cloud(canvas, axes, row, series, ordered, middle, reach, unit)
    if came.n >= 4:
        half = (quantile(ordered, 0.25), quantile(ordered, 0.75))
        axes.plot(
            half,
            (middle, middle),
            color=row.colour,
            linewidth=7,
            alpha=0.28,
            solid_capstyle="round",
        )
    if came.n > 1:
        _strokes(axes, came, middle, reach)
    if series.promised is not None:
        _promise(canvas, axes, row, series, series.promised, middle, unit)
    canvas.text(axes, 1.02, middle, brief(came.median, unit), fontweight="bold")
    if canvas.wide:
        canvas.text(axes, 1.135, middle, brief(came.p95, unit), color=SOFT, fontsize=12)
    if series.busy:
        canvas.text(axes, 1.02, middle + 0.33, "busy", color=SOFT, fontsize=10)


def _cloud(
    canvas: Canvas,
    axes: Axes,
    row: Strip,
    series: Series,
    ordered: Sequence[float],
    middle: float,
    reach: float,
    unit: str,
) -> None:
    """A dot for each value."""
    came = series.spread
    shown = thinned(ordered)
    places = [(value, middle + reach * (2 * (n * GOLDEN % 1) - 1)) for n, value in enumerate(shown)]
    cloud = PathPatch(
        dots(places),
        edgecolor=row.colour,
        facecolor="none",
        linewidth=4.2 if came.n > 1 else 8.0,
        capstyle="round",
        alpha=0.45 if came.n > 1 else 1.0,
    )
    said = (
        f"{row.label}: median {told(came.median, unit)}, p95 {told(came.p95, unit)},"
        f" {came.top_name} {told(came.top, unit)}, n = {came.n}{_drawn(came.n)}"
    )
    canvas.mark(
        cloud,
        said,
        way=series.way,
        measure=series.measure,
        figure=series.figure,
        where=series.conditions,
    )
    axes.add_patch(cloud)


def _promise(
    canvas: Canvas, axes: Axes, row: Strip, series: Series, most: float, middle: float, unit: str
) -> None:
    """The most that the way promises."""
    (promise,) = axes.plot([most], [middle], "D", color=BAD, mfc="none", ms=7, mew=1.6)
    said = f"{row.label} promises at most {told(most, unit)}"
    canvas.mark(promise, said, way=series.way, promised=str(most))


def _strokes(axes: Axes, came: Distribution, middle: float, reach: float) -> None:
    ends = (middle - reach - 0.08, middle + reach + 0.08)
    axes.plot((came.median,) * 2, ends, color=INK, linewidth=2.4)
    axes.plot((came.p95,) * 2, (middle - 0.12, middle + 0.12), color=INK, linewidth=1.2)
