"""Axes with round places, logarithmic where that shows more."""

from collections.abc import Callable, Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from lbdisc_compare.report.charts.canvas import LINE
from lbdisc_compare.report.wording import brief

WHOLE = ("requests", "count", "")


def scaled(
    axes: Axes,
    side: Literal["x", "y"],
    values: Sequence[float],
    unit: str,
    most: int,
    say: Callable[[float, str], str] = brief,
) -> None:
    """At most about ``most`` places; logarithmic where ``values`` differ tenfold and none is 0."""
    axis = axes.xaxis if side == "x" else axes.yaxis
    limits = axes.set_xlim if side == "x" else axes.set_ylim
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low > 0 and high / low > 10:
        (axes.set_xscale if side == "x" else axes.set_yscale)("log")
        limits(low / 1.25, high * 1.25)
        axis.set_major_locator(FixedLocator(places(low / 1.25, high * 1.25, most)))
        axis.set_minor_locator(NullLocator())
    else:
        top = max(high, 0.0) or 1.0
        limits(min(0.0, low) - 0.02 * top, top * 1.05)
        axis.set_major_locator(MaxNLocator(most, integer=unit in WHOLE))
    axis.set_major_formatter(FuncFormatter(lambda value, _: say(value, unit)))
    axis.set_minor_formatter(NullFormatter())
    axes.grid(axis=side, color=LINE, linewidth=1)
    axes.set_axisbelow(True)


def places(low: float, high: float, most: int) -> list[float]:
    """Round places from ``low`` to ``high``: 1, 2, 5 where there is room, else powers of ten."""
    powers = [10.0**power for power in range(-9, 16)]
    found: list[float] = []
    for factors in ((1, 2, 5), (1, 3), (1,)):
        every = (factor * power for power in powers for factor in factors)
        found = [place for place in every if low <= place <= high]
        if len(found) <= most:
            return found
    return found[:: -(-len(found) // most)]
