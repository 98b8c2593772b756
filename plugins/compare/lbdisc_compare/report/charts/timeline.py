"""A fault as every way went through it: its span, the servers' states, the requests that failed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from lbdisc_compare.records import Happening
from lbdisc_compare.report.charts.canvas import (
    BAD,
    LINE,
    OURS,
    SHADE,
    SOFT,
    THEIRS,
    Canvas,
    Shape,
    cut,
)
from lbdisc_compare.report.wording import told

BEFORE = 2.0  # seconds that are shown before the fault
LANES = 12  # servers of a way that are drawn, on a phone half as many
STATES = {"joined": "up", "up": "up", "down": "down", "gone": "out", "left": "out"}
THINNED = 40  # lost requests of a way that are drawn one by one


Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A server as one balancer had it: spans of ``up`` and ``down``, in seconds since the fault."""

    name: str
    spans: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One way through one scene. Times are seconds since its first fault."""

    way: str
    label: str
    family: Literal["lbdisc", "outsider"] = "lbdisc"
    measure: str = ""
    scene: str = ""
    faults: tuple[tuple[float, float, str], ...] = ()
    lanes: tuple[Lane, ...] = ()
    lost: tuple[float, ...] = ()
    notes: tuple[tuple[float, str], ...] = ()
    end: float = 0.0
    lost_total: float | None = None  # of all requests, where they were counted
    note: str = ""  # instead of a course


def course(happenings: Iterable[Happening], named: Course) -> Course:
    """``named`` with what ``happenings`` of one round come to."""
    ordered = sorted(happenings, key=lambda one: one.t)
    start = next((one.t for one in ordered if one.what == "fault"), ordered[0].t)
    end = ordered[-1].t - start + 1.0
    return replace(
        named,
        faults=tuple(_faults(ordered, start, end)),
        lanes=tuple(_lanes(ordered, start, end)),
        lost=tuple(
            at for one in ordered if one.what == "lost" and (at := one.t - start) >= -BEFORE
        ),
        notes=tuple((one.t - start, one.detail) for one in ordered if one.what == "note"),
        end=end,
    )


def drawn_losses(lost: Sequence[Kind]) -> list[Kind]:
    """All of few; of many every so manyeth, and the last."""
    if not lost:
        return []
    shown = list(lost[:: -(-len(lost) // THINNED)])
    return [*shown[:-1], lost[-1]]


def _faults(
    ordered: Sequence[Happening], start: float, end: float
) -> Iterable[tuple[float, float, str]]:
    healed = [one.t - start for one in ordered if one.what == "healed"]
    for one in ordered:
        if one.what == "fault":
            begins = one.t - start
            ends = next((at for at in healed if at >= begins), end)
            yield begins, ends, one.detail or one.whom


def _lanes(ordered: Sequence[Happening], start: float, end: float) -> Iterable[Lane]:
    seats = sorted({one.seat for one in ordered if one.what in STATES})
    found: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for one in ordered:
        if one.what in STATES and one.whom:
            found.setdefault((one.whom, one.seat), []).append((one.t - start, STATES[one.what]))
    for (whom, seat), changes in sorted(found.items()):
        name = f"{whom} at {seat}" if len(seats) > 1 else whom
        yield Lane(name=name, spans=tuple(_spans(changes, end)))


def _spans(changes: Sequence[tuple[float, str]], end: float) -> Iterable[tuple[float, float, str]]:
    """Before its first change a server was what that change ended."""
    state = "out" if changes[0][1] == "up" else "up"
    since = -BEFORE
    for moment, after in [*changes, (end, "")]:
        at = max(moment, -BEFORE)
        if at > since and state != "out":
            yield since, at, state
        since, state = at, after


def _losses_told(one: Course) -> str:
    if one.lost_total is None:
        return "lost requests" if one.lost else ""
    return f"{told(one.lost_total, '')} lost" if one.lost_total else "none lost"


def timeline(name: str, shape: Shape, title: str, courses: Sequence[Course]) -> str:
    """The chart as SVG: all ways under one axis, from above in their order."""
    heights = [_height(one, shape) for one in courses]
    canvas = Canvas(name, shape, 50 + sum(heights), title)
    left, right = (236, 110) if canvas.wide else (8, 12)
    axes = canvas.axes(left=left, right=right, top=8, bottom=42)
    axes.set_ylim(sum(heights), 0)
    axes.set_xlim(-BEFORE, max((one.end for one in courses), default=1.0))
    axes.grid(axis="x", color=LINE, linewidth=1)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_formatter(lambda value, _: told(value, "s"))
    axes.set_xlabel("since the fault", color=SOFT, fontsize=12)
    top = 0.0
    for one, height in zip(courses, heights, strict=True):
        _course(canvas, axes, one, top, height)
        top += height
    return canvas.svg()


def _lanes_drawn(one: Course, shape: Shape) -> Sequence[Lane]:
    return one.lanes[: LANES if shape == "wide" else LANES // 2]


def _height(one: Course, shape: Shape) -> float:
    head = 0.0 if shape == "wide" else 20.0
    lanes = 5.0 * len(_lanes_drawn(one, shape)) + (12.0 if one.lost else 0.0)
    return head + max(26.0, lanes + 14.0)


def _course(canvas: Canvas, axes: Axes, one: Course, top: float, height: float) -> None:
    colour = OURS if one.family == "lbdisc" else THEIRS
    if canvas.wide:
        canvas.text(axes, -0.015, top + 14, cut(one.label, 32), color=colour, ha="right")
    else:
        label = (
            one.label
            if one.note
            else f"{cut(one.label, 30)} · {_losses_told(one)}".removesuffix(" · ")
        )
        canvas.text(axes, 0.0, top + 10, label, color=colour, fontsize=12.5)
        top, height = top + 20, height - 20
    if one.note:
        most = 96 if canvas.wide else 48
        canvas.text(
            axes, 0.005, top + 12, cut(one.note, most), color=SOFT, style="italic", fontsize=12
        )
        return
    for begins, ends, _ in one.faults:
        axes.fill_between((begins, ends), top + 2, top + height - 2, color=SHADE, linewidth=0)
    _servers(canvas, axes, one, top + 8, colour)
    _losses(canvas, axes, one, top + 8 + 5 * len(_lanes_drawn(one, canvas.shape)))
    axes.plot((0, 0), (top + 2, top + height - 2), color=BAD, linewidth=1.4)


def _servers(canvas: Canvas, axes: Axes, one: Course, top: float, colour: str) -> None:
    drawn_lanes = _lanes_drawn(one, canvas.shape)
    for state, ink, width in (("up", colour, 2.6), ("down", BAD, 2.6)):
        lines = [
            [(begins, top + 5 * at), (ends, top + 5 * at)]
            for at, lane in enumerate(drawn_lanes)
            for begins, ends, seen in lane.spans
            if seen == state
        ]
        if lines:
            drawn = LineCollection(lines, colors=ink, linewidths=width, capstyle="butt")
            said = (
                f"{one.label}: servers {'in rotation' if state == 'up' else 'found down by checks'}"
            )
            canvas.mark(drawn, said, way=one.way, measure=one.measure, scene=one.scene, state=state)
            axes.add_collection(drawn, autolim=False)
    if not one.lanes:
        canvas.text(axes, 0.005, top + 4, "no server changed", color=SOFT, fontsize=11.5)
    if len(one.lanes) > len(drawn_lanes) and canvas.wide:
        more = f"{len(one.lanes) - len(drawn_lanes)} more servers"
        canvas.text(axes, 1.01, top + 20, more, color=SOFT, fontsize=11.5)


def _losses(canvas: Canvas, axes: Axes, one: Course, top: float) -> None:
    if canvas.wide:
        style = {"color": BAD, "fontweight": "bold"} if one.lost else {"color": SOFT}
        canvas.text(axes, 1.01, top + 2, _losses_told(one), fontsize=12, **style)
    if not one.lost:
        return
    shown = drawn_losses(one.lost)
    marks = [[(at, top + 1), (at, top + 9)] for at in shown]
    drawn = LineCollection(marks, colors=BAD, linewidths=1.3)
    said = f"{one.label}: {_losses_told(one)}"
    canvas.mark(drawn, said, way=one.way, measure=one.measure, scene=one.scene, state="lost")
    axes.add_collection(drawn, autolim=False)
