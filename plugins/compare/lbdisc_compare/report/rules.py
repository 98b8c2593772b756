"""By what rules a figure becomes a mark. No verdict is written by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lbdisc_compare.report.naming import worst_of
from lbdisc_compare.report.reading import UNRUN, SamplesRead
from lbdisc_compare.report.relatives import StandIn
from lbdisc_compare.report.series import Series
from lbdisc_compare.report.wording import told

Mark = Literal["good", "fair", "poor", "busy", "related", "absent"]
Statistic = Literal["median", "p95", "top"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A property, the figure that shows it, and where it is good and fair: up to these values.

    Of several conditions the worst counts; ``where`` narrows them, for the ways that have such.
    """

    name: str
    title: str
    measure: str
    figure: str
    statistic: Statistic
    good: float
    fair: float
    unit: str
    where: Mapping[str, str] = field(default_factory=dict)
    noun: str = ""  # what a bare number counts

    @property
    def anchor(self) -> str:
        """Where the figure is on the page."""
        return anchor(self.measure, self.figure)

    @property
    def stated(self) -> str:
        """The rule for people."""
        good = f"up to {told(self.good, self.unit)} is good" if self.good else "of 0 is good"
        return f"{self.statistic_told} {good}, up to {told(self.fair, self.unit)} fair, more poor"

    @property
    def statistic_told(self) -> str:
        return {"median": "median", "p95": "95 % quantile", "top": "maximum"}[self.statistic]

    @property
    def statistic_short(self) -> str:
        return {"median": "median", "p95": "p95", "top": "max"}[self.statistic]

    def of(self, series: Series) -> float:
        """The statistic that counts."""
        came = series.spread
        return {"median": came.median, "p95": came.p95, "top": max(series.values)}[self.statistic]

    def found(self, series: Sequence[Series], way: str) -> list[Series]:
        """Those that count of a way."""
        key = (way, self.measure, self.figure)
        named = [one for one in series if (one.way, one.measure, one.figure) == key]
        narrow = [one for one in named if self.where.items() <= dict(one.where).items()]
        return narrow or named


RULES = (
    Rule(
        name="join",
        title="A new node serves",
        measure="join",
        figure="join_served",
        statistic="p95",
        good=1000,
        fair=10_000,
        unit="ms",
    ),
    Rule(
        name="leave",
        title="A node leaves cleanly",
        measure="join",
        figure="leave_last",
        statistic="p95",
        good=1000,
        fair=10_000,
        unit="ms",
    ),
    Rule(
        name="crash",
        title="A crashed node gets nothing more",
        measure="crash",
        figure="crash_rotation_s",
        statistic="p95",
        good=5,
        fair=30,
        unit="s",
    ),
    Rule(
        name="list",
        title="A crashed node is off the list",
        measure="crash",
        figure="crash_list_s",
        statistic="p95",
        good=20,
        fair=60,
        unit="s",
    ),
    Rule(
        name="away",
        title="The registry is away",
        measure="away",
        figure="lost",
        statistic="top",
        good=0,
        fair=10,
        unit="requests",
        noun="lost",
    ),
    Rule(
        name="half",
        title="Half of the nodes die at once",
        measure="half",
        figure="lost",
        statistic="top",
        good=100,
        fair=1000,
        unit="requests",
        noun="lost",
    ),
    Rule(
        name="removals",
        title="Healthy nodes stay in",
        measure="removals",
        figure="idle_wrongly",
        statistic="top",
        good=0,
        fair=1,
        unit="count",
        where={"guard": "on"},
        noun="taken out",
    ),
    Rule(
        name="cost",
        title="Idle, a node costs",
        measure="cost",
        figure="idle_bytes",
        statistic="median",
        good=1000,
        fair=10_000,
        unit="bytes/s",
        where={"role": "all"},
    ),
    Rule(
        name="start",
        title="A balancer starts",
        measure="start",
        figure="start_served",
        statistic="p95",
        good=3,
        fair=15,
        unit="s",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WayVerdict:
    """What a rule says of a way. ``series`` is the worst one, or ``None`` where there is none.

    ``brief`` is the reason in two or three words.
    """

    way: str
    rule: Rule
    mark: Mark
    reason: str
    brief: str
    series: Series | None = None
    value: float | None = None
    relative: StandIn | None = None  # whose figure is to be seen instead

    @property
    def anchor(self) -> str:
        """Where the figure is on the page."""
        return self.rule.anchor

    @property
    def ranked(self) -> bool:
        """Whether its value may be put beside others."""
        return self.value is not None and self.mark != "busy"

    @property
    def unrun(self) -> bool:
        """Whether the run did not come to it."""
        return self.mark == "absent" and self.brief == UNRUN


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """All of them: by way, by rule."""

    ways: tuple[str, ...]
    rules: tuple[Rule, ...]
    by: Mapping[tuple[str, str], WayVerdict]

    def of(self, way: str, rule: str) -> WayVerdict:
        return self.by[way, rule]

    def row(self, way: str) -> list[WayVerdict]:
        return [self.by[way, rule.name] for rule in self.rules]


def verdicts(
    reading: SamplesRead, series: Sequence[Series], rules: Sequence[Rule] = RULES
) -> Verdicts:
    """What the rules say of each way; those without a figure in this run say why."""
    by = {
        (way, rule.name): _verdict(reading, series, way, rule)
        for way in reading.ways
        for rule in rules
    }
    return Verdicts(ways=reading.ways, rules=tuple(rules), by=by)


def _verdict(reading: SamplesRead, series: Sequence[Series], way: str, rule: Rule) -> WayVerdict:
    found = rule.found(series, way)
    relative = reading.stand_in(way, rule.measure)
    if not found and relative:
        see = f"see {relative.way}"
        return WayVerdict(
            way=way, rule=rule, mark="related", reason=str(relative), brief=see, relative=relative
        )
    if not found:
        why = reading.why_absent(way, rule.measure, rule.figure) or "nobody said why"
        return WayVerdict(
            way=way, rule=rule, mark="absent", reason=f"not measured: {why}", brief=why
        )
    worst = max(found, key=rule.of)
    value = rule.of(worst)
    mark: Mark = "good" if value <= rule.good else "fair" if value <= rule.fair else "poor"
    if worst.busy:
        mark = "busy"
    reason = f"{rule.statistic_told} of {len(worst.values)}"
    brief = "busy machine" if worst.busy else worst_of(worst, found)
    brief = brief or f"{rule.statistic_short} of {len(worst.values)}"
    if worst.conditions:
        reason += f", {worst.conditions}"
    if worst.busy:
        reason += f"; busy: others took {worst.load:.0%} of the machine"
    return WayVerdict(
        way=way, rule=rule, mark=mark, reason=reason, brief=brief, series=worst, value=value
    )


def anchor(measure: str, figure: str) -> str:
    """The name of a place on the page; letters, digits, dots and dashes only."""
    words = f"{measure}-{figure}"
    return "fig-" + "".join(one if one.isascii() and one.isalnum() else "-" for one in words)
