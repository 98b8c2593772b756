"""The answer of a run in one line, and how far it came."""

from collections.abc import Sequence

from lbdisc_compare.report.known import Catalogues
from lbdisc_compare.report.reading import SamplesRead
from lbdisc_compare.report.rules import Verdicts, WayVerdict
from lbdisc_compare.report.wording import told

POINTS = {"good": 2, "fair": 1}  # of a mark; the others have none
NAMED = 3  # ways that share the best marks and are named


def points(row: Sequence[WayVerdict]) -> int:
    """What the marks of a way come to."""
    return sum(POINTS.get(verdict.mark, 0) for verdict in row)


def headline(verdicts: Verdicts, known: Catalogues) -> str:
    """Who has the best marks in all, and of several who joins soonest."""
    best = leaders(verdicts)
    if not best:
        return "Nothing in this run was good or fair by the rules, or nothing was measured."
    marks = f"{_marks(verdicts.row(best[0]))} of {len(verdicts.rules)} properties"
    if len(best) == 1:
        others = len(verdicts.ways) - 1
        against = f": the best marks of {others + 1} ways" if others else ""
        return f"{known.way(best[0]).title}: {marks}{against}."
    names = [known.way(way).title for way in best[:NAMED]]
    names += [f"{len(best) - NAMED} more"] if len(best) > NAMED else []
    whole = f"{len(best)} of {len(verdicts.ways)} ways share the best marks, {marks} each"
    return f"{whole}: {listed(names)}.{_soonest(verdicts, known, best)}"


def leaders(verdicts: Verdicts) -> list[str]:
    """The ways with most points, of those the ones with most good marks; none without points."""

    def marks(way: str) -> tuple[int, int]:
        row = verdicts.row(way)
        return points(row), sum(verdict.mark == "good" for verdict in row)

    most = max(map(marks, verdicts.ways), default=(0, 0))
    return [way for way in verdicts.ways if marks(way) == most] if most[0] else []


def progress(reading: SamplesRead, verdicts: Verdicts) -> str:
    """How much of a run there is that did not come to its end; empty of a whole one."""
    ran = sum(cell.ran for cell in reading.cells)
    if reading.header is not None and reading.header.cells:
        planned = reading.header.cells
        return f"{ran} of {planned} cells were run" if ran < planned else ""
    rows = [verdict for way in verdicts.ways for verdict in verdicts.row(way)]
    lacking = sum(verdict.unrun for verdict in rows)
    return f"the run did not come to {lacking} of {len(rows)} verdicts" if lacking else ""


def listed(names: Sequence[str]) -> str:
    """``A``, ``A and B``, ``A; B and C``: names may have commas."""
    return " and ".join(filter(None, ("; ".join(names[:-1]), *names[-1:])))


def _marks(row: Sequence[WayVerdict]) -> str:
    """``good in 2 and fair in 1``."""
    counts = {mark: sum(verdict.mark == mark for verdict in row) for mark in POINTS}
    return " and ".join(f"{mark} in {count}" for mark, count in counts.items() if count)


def _soonest(verdicts: Verdicts, known: Catalogues, ways: Sequence[str]) -> str:
    joins = [one for way in ways if (one := verdicts.by.get((way, "join"))) and one.ranked]
    if not joins:
        return ""
    first = min(joins, key=lambda one: one.value or 0.0)
    value = told(first.value or 0.0, first.rule.unit)
    return f" Of these {known.way(first.way).title} joins soonest ({value})."
