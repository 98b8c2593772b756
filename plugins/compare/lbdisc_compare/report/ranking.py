"""lbdisc against the outsiders: who is first, and whether that is more than noise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lbdisc_compare.report.known import Catalogues
from lbdisc_compare.report.reasons import why_not
from lbdisc_compare.report.rules import Rule, Verdicts
from lbdisc_compare.report.series import Series
from lbdisc_compare.report.statistics import likely_same
from lbdisc_compare.report.wording import told

COMPARED = ("join", "leave", "away", "removals")
PARTS = {"join": ("join_written", "join_snapshot", "join_applied", "join_served")}
SURE = 0.01
FEW = 3  # values below which a difference may be chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """The best of ours and the best of the others by one rule; ``None`` where there is none."""

    rule: Rule
    ours: Series | None
    theirs: Series | None
    result: str
    parts: tuple[Series, ...] = ()  # where the time of ours goes
    why: str = ""  # where ours is not first
    needed: str = ""

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
    return [
        _explained(_duel(verdicts, series, known, rule), verdicts, series, known) for rule in rules
    ]


def _explained(duel: Duel, verdicts: Verdicts, series: Sequence[Series], known: Catalogues) -> Duel:
    """With the reason where ours is not first, and what would be needed."""
    why, needed = _reason(duel, verdicts, series, known)
    return replace(duel, why=why, needed=needed)


def _reason(
    duel: Duel, verdicts: Verdicts, series: Sequence[Series], known: Catalogues
) -> tuple[str, str]:
    ours, theirs = duel.ours, duel.theirs
    if ours is None or theirs is None:
        lacking = "lbdisc" if ours is None else "outsider"
        ways = [way for way in verdicts.ways if known.way(way).family == lacking]
        return _absences(
            verdicts, known, duel.rule, ways
        ), f"a run with one of them: --only {duel.rule.measure}"
    if ours.busy or theirs.busy:
        return f"others took {max(ours.load, theirs.load):.0%} of the machine", "a quiet machine"
    if duel.result.startswith("even"):
        best = duel.rule.of(ours) == 0
        return "", "" if best else "more values, if it is to be told which one is first"
    few = min(len(ours.values), len(theirs.values)) < FEW
    more = f"{FEW} values or more of each" if few else ""
    if duel.first:
        return "", more
    why, needed = why_not(duel.rule, ours, theirs, series, known)
    return why, f"{needed}; {more}" if more else needed


def _absences(verdicts: Verdicts, known: Catalogues, rule: Rule, ways: Sequence[str]) -> str:
    """Each reason once, with the ways that have it."""
    found: dict[str, list[str]] = {}
    for way in ways:
        found.setdefault(verdicts.of(way, rule.name).reason, []).append(known.way(way).title)
    several = len(found) > 1
    told_of = [f"{', '.join(names)}: {why}" if several else why for why, names in found.items()]
    return "; ".join(told_of)


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
