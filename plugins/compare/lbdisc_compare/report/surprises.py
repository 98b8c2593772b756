"""What surprises most in a run, found by stated rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lbdisc_compare.report.against import LEAST, Better
from lbdisc_compare.report.beyond import VALIDATE
from lbdisc_compare.report.known import Catalogues
from lbdisc_compare.report.reading import SamplesRead
from lbdisc_compare.report.repeating import command
from lbdisc_compare.report.rules import anchor
from lbdisc_compare.report.series import Series
from lbdisc_compare.report.wording import told

MOST = 5
ENOUGH = 3  # values on each side of a ratio
TIMES = 2.0  # a smaller ratio is no surprise
COUNTED = ("requests", "count")
LOSING: frozenset[str] = frozenset({"crash", "removals", "faults"})  # sections in which that counts
BROKEN = 1.05  # times what is promised: less may be how finely was looked

RULES_TOLD = (
    "A promise that broke: the maximum of a figure is more than 5 % above what the way's own "
    "documents promise; the more times, the more surprising.",
    "Lost where others lost none: of a figure of crashes, removals or faults that counts requests "
    "or nodes, and is better lower, a way has some under conditions under which at least half of "
    "the ways have none; the more, the more surprising.",
    f"The largest ratio: of the medians of two ways under the same conditions, of {ENOUGH} values "
    "or more each, where no value of one is within those of the other, and of times at least 1 ms.",
    f"The first of each kind in turn, then the second of each, up to {MOST} in all, one of each "
    "measure; nothing that was measured on a busy machine, and nothing of what a way needs.",
)

Kind = Literal["promise", "lost", "ratio"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """``worse`` is what surprises; ``better`` what it is held against, ``none`` who had none."""

    kind: Kind
    worse: Series
    score: float
    command: str
    title: str  # of the figure
    better: Series | None = None
    none: tuple[str, ...] = ()

    @property
    def statistic(self) -> Literal["top", "median"]:
        return "median" if self.kind == "ratio" else "top"

    @property
    def anchor(self) -> str:
        """Where the figure is on the page."""
        return anchor(self.worse.measure, self.worse.figure)

    @property
    def value(self) -> float:
        spread = self.worse.spread
        return spread.median if self.kind == "ratio" else spread.top

    def text(self, known: Catalogues) -> str:
        """One sentence."""
        name = known.way(self.worse.way).title
        where = f" ({self.worse.conditions})" if self.worse.conditions else ""
        came = told(self.value, self.worse.unit)
        return f"{name}: {self.title}{where} came to {came}, {self.against(known)}."

    def against(self, known: Catalogues) -> str:
        """What the value is held against."""
        if self.kind == "promise" and self.worse.promised is not None:
            return f"{told(self.worse.promised, self.worse.unit)} are promised"
        if self.better is not None:
            other = told(self.better.spread.median, self.better.unit)
            times = told(self.score, "count")
            return f"{known.way(self.better.way).title} to {other}: {times} times"
        names = [known.way(way).title for way in self.none[:3]]
        more = len(self.none) - 3
        return f"of {'; '.join(names)}{f' and {more} more' if more > 0 else ''} none"


def surprises(reading: SamplesRead, series: Sequence[Series], known: Catalogues) -> list[Surprise]:
    """At most five, by the rules that ``RULES_TOLD`` gives."""
    its = [one for one in series if not one.busy and _tells(known, one)]
    groups = _alike(one for one in its if _better(known, one) != "none")
    found: list[list[Surprise]] = []
    for kind in (_promises, _lost, _ratios):
        made = [
            one
            for group in groups
            for one in kind(reading, known, group, _better(known, group[0]) == "higher")
        ]
        found.append(sorted(made, key=lambda one: -one.score))
    return list(_in_turn(found))


def _tells(known: Catalogues, one: Series) -> bool:
    """Whether it is a result: not what a way needs, nor what only stands beside a simulation."""
    return one.measure != VALIDATE and known.measure(one.measure).section != "needs"


def _better(known: Catalogues, one: Series) -> Better:
    return known.figure(one.measure, one.figure).better


def _in_turn(found: Sequence[Sequence[Surprise]]) -> Iterator[Surprise]:
    told_of: set[str] = set()
    left = [list(one) for one in found]
    while any(left) and len(told_of) < MOST:
        for kind in left:
            one = next((one for one in kind if one.worse.measure not in told_of), None)
            if one is None:
                kind.clear()
            elif len(told_of) < MOST:
                told_of.add(one.worse.measure)
                yield one


def _alike(series: Iterator[Series]) -> list[list[Series]]:
    """Those of one figure under the same conditions."""
    groups: dict[tuple[object, ...], list[Series]] = {}
    for one in series:
        groups.setdefault((one.measure, one.figure, one.where), []).append(one)
    return list(groups.values())


def _title(known: Catalogues, one: Series) -> str:
    """Of the figure; with that of its measure where several measures have it."""
    several = sum(one.figure in measure.figures for measure in known.measures.values()) > 1
    figure = known.figure(one.measure, one.figure).title
    return f"{known.measure(one.measure).title}: {figure}" if several else figure


def _made(
    reading: SamplesRead,
    known: Catalogues,
    kind: Kind,
    worse: Series,
    score: float,
    *,
    better: Series | None = None,
    none: tuple[str, ...] = (),
) -> Surprise:
    others = [better.way] if better else list(none[:1])
    return Surprise(
        kind=kind,
        worse=worse,
        score=score,
        command=command(reading.header, worse.measure, [worse.way, *others]),
        title=_title(known, worse),
        better=better,
        none=none,
    )


def _promises(
    reading: SamplesRead, known: Catalogues, group: Sequence[Series], higher: bool
) -> Iterator[Surprise]:
    for one in group:
        if one.promised and not higher and one.spread.top > BROKEN * one.promised:
            yield _made(reading, known, "promise", one, one.spread.top / one.promised)


def _lost(
    reading: SamplesRead, known: Catalogues, group: Sequence[Series], higher: bool
) -> Iterator[Surprise]:
    section = known.measure(group[0].measure).section
    if higher or group[0].unit not in COUNTED or section not in LOSING:
        return
    none = tuple(one.way for one in group if max(one.values) == 0)
    worst = max(group, key=lambda one: one.spread.top)
    if worst.spread.top > 0 and 2 * len(none) >= len(group):
        yield _made(reading, known, "lost", worst, worst.spread.top, none=none)


def _ratios(
    reading: SamplesRead, known: Catalogues, group: Sequence[Series], higher: bool
) -> Iterator[Surprise]:
    enough = [one for one in group if len(one.values) >= ENOUGH]
    if len(enough) < 2:
        return
    ordered = sorted(enough, key=lambda one: one.spread.median, reverse=higher)
    best, worst = ordered[0], ordered[-1]
    low, high = sorted((best, worst), key=lambda one: one.spread.median)
    if max(low.values) >= min(high.values) or low.spread.median <= LEAST.get(low.unit, 0.0):
        return
    ratio = high.spread.median / low.spread.median
    if ratio >= TIMES:
        yield _made(reading, known, "ratio", worst, ratio, better=best)
