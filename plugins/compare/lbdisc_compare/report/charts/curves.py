"""What the simulation says, as curves over the size of the cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from matplotlib.axes import Axes

from lbdisc_compare.report.charts.canvas import BAD, INK, OURS, SOFT, THEIRS, Canvas, Shape, cut
from lbdisc_compare.report.charts.scales import scaled

COLOURS = (OURS, THEIRS, INK, BAD)
STYLES = ("-", "--", ":", "-.")  # and the kind of line differs where colours come again
STEP = 19.0  # pixels between two names


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The simulated values of a protocol, by x."""

    label: str
    way: str
    where: str
    points: Mapping[float, Sequence[float]]

    @property
    def line(self) -> list[tuple[float, float]]:
        """The median at each x."""
        return [(x, median(values)) for x, values in sorted(self.points.items())]


def curves(
    name: str, shape: Shape, title: str, axis: str, unit: str, drawn: Sequence[Curve]
) -> str:
    """The chart as SVG; the lines are named at their ends, on a phone below."""
    below = 50 if shape == "wide" else 58 + STEP * len(drawn)
    height = max(340.0, 70 + STEP * len(drawn)) if shape == "wide" else 240 + below
    canvas = Canvas(name, shape, height, title)
    left, right = (84, 250) if canvas.wide else (70, 16)
    axes = canvas.axes(left=left, right=right, top=14, bottom=below)
    axes.yaxis.set_visible(True)
    scaled(axes, "y", [y for curve in drawn for _, y in curve.line], unit, 7)
    scaled(
        axes, "x", [x for curve in drawn for x, _ in curve.line], "count", 7 if canvas.wide else 4
    )
    axes.set_xlabel(axis, color=SOFT, fontsize=12)
    for at, curve in enumerate(drawn):
        x, y = zip(*curve.line, strict=True)
        colour, style = _look(at)
        (line,) = axes.plot(x, y, style, color=colour, linewidth=2, marker="o", markersize=4)
        canvas.mark(line, curve.label, way=curve.way, where=curve.where, simulated="yes")
    _names(canvas, axes, drawn)
    return canvas.svg()


def _look(at: int) -> tuple[str, str]:
    return COLOURS[at % len(COLOURS)], STYLES[at // len(COLOURS) % len(STYLES)]


def _names(canvas: Canvas, axes: Axes, drawn: Sequence[Curve]) -> None:
    box = axes.get_position()
    ends = [axes.transData.transform(curve.line[-1])[1] for curve in drawn]
    if canvas.wide:
        heights = _apart([float(end) for end in ends])
        x = canvas.width * box.x1 + 14
    else:
        heights = [STEP * (len(drawn) - at) - 8 for at in range(len(drawn))]
        x = 24.0
    for at, (curve, y) in enumerate(zip(drawn, heights, strict=True)):
        colour, _ = _look(at)
        canvas.place(
            axes, x, y, cut(curve.label, 36 if canvas.wide else 46), color=colour, fontsize=12.5
        )


def _apart(ends: Sequence[float]) -> list[float]:
    """The same heights, but for names that would lie on each other."""
    order = sorted(range(len(ends)), key=ends.__getitem__)
    heights = list(ends)
    for below, above in pairwise(order):
        heights[above] = max(heights[above], heights[below] + STEP)
    return heights
