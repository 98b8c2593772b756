"""lbdisc against the outsiders: who is first, and whether that is more than noise."""

from collections.abc import Sequence
from dataclasses import dataclass

from lbdisc_compare.report.known import Catalogues
from lbdisc_compare.report.rules import Rule, Verdicts
from lbdisc_compare.report.series import Series
from lbdisc_compare.report.statistics import likely_same
from lbdisc_compare.report.wording import told

COMPARED = ("join", "leave", "away", "removals")
PARTS = {"join": ("join_written", "join_snapshot", "join_applied", "join_served")}
SURE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """The best of ours and the best of the others by one rule; ``None`` where there is none."""

    rule: Rule
    ours: Series | None
    theirs: Series | None
    result: str
    parts: tuple[Series, ...] = ()  # where the time of ours goes

    @property
    def anchor(self) -> str:
        """Where the figure is on the page."""
        return self.rule.anchor

    @property
    def first(self) -> bool:
        return self.result.startswith("first")


def duels(
    verdicts: Verdicts, series: Sequence[Series], known: Catalogues, names: Sequence[str] = COMPARED
) -> list[Duel]:
    """By each of the rules: the lower worst case of the statistic is better."""
    rules = [rule for rule in verdicts.rules if rule.name in names]
    return [_duel(verdicts, series, known, rule) for rule in rules]


def _duel(verdicts: Verdicts, series: Sequence[Series], known: Catalogues, rule: Rule) -> Duel:
    best: dict[str, Series | None] = {}
    for family in ("lbdisc", "outsider"):
        ways = [way for way in verdicts.ways if known.way(way).family == family]
        found = [verdicts.of(way, rule.name).series for way in ways]
        best[family] = min((one for one in found if one is not None), key=rule.of, default=None)
    ours, theirs = best["lbdisc"], best["outsider"]
    names = PARTS.get(rule.name, ())
    parts = tuple(one for one in series if ours and one.way == ours.way and one.figure in names)
    return Duel(
        rule=rule, ours=ours, theirs=theirs, result=_result(rule, ours, theirs), parts=parts
    )


def _result(rule: Rule, ours: Series | None, theirs: Series | None) -> str:
    if ours is None or theirs is None:
        return f"no comparison: no {'way of lbdisc' if ours is None else 'outsider'} was measured"
    mine, other = rule.of(ours), rule.of(theirs)
    if ours.busy or theirs.busy:
        return "refused: the machine was busy"
    ratio = f", by {max(mine, other) / min(mine, other):.3g} times" if min(mine, other) > 0 else ""
    if mine == other:
        return f"even: {told(mine, rule.unit)} each"
    if (
        min(len(ours.values), len(theirs.values)) >= 3
        and likely_same(ours.values, theirs.values) >= SURE
    ):
        return "even: what differs is within the noise"
    few = (
        " (few samples: it may be chance)" if min(len(ours.values), len(theirs.values)) < 3 else ""
    )
    return f"{'first' if mine < other else 'not first'}{ratio}{few}"
