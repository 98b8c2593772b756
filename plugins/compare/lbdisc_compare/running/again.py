"""Which cells are worth measuring again: the machine was busy, or they failed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lbdisc_compare.records import Absence, Breakdown, CellEnd, Noted, Sample
from lbdisc_compare.running.busyness import BUSY
from lbdisc_compare.running.schedule import Cell

Key = tuple[str, str]  # way and measure


def again(cells: Sequence[Cell], told: Iterable[Noted]) -> list[Cell]:
    """Further rounds of ``cells``, until each has as many good ones as it was to have.

    What was measured before stays in the samples: the report takes a quiet round where there is
    one, and shows a failure in its place. What cannot be measured here is not tried again.
    """
    good, last = _rounds(told)
    found: list[Cell] = []
    for cell in cells:
        key = cell.key[:2]
        if key not in last:
            continue
        if good[key] > 0:
            good[key] -= 1
            continue
        last[key] += 1
        found.append(replace(cell, round=last[key]))
    return found


def _rounds(told: Iterable[Noted]) -> tuple[Counter[Key], dict[Key, int]]:
    """How many rounds were good, and the number of the last one."""
    good: Counter[Key] = Counter()
    last: dict[Key, int] = {}
    failed = absent = False
    for line in told:
        if isinstance(line, Breakdown):
            failed = True
        elif isinstance(line, Absence):
            absent = absent or not line.figure
        elif isinstance(line, Sample):
            absent = False
        elif isinstance(line, CellEnd):
            key = line.way, line.measure
            busy = max(line.load_before, line.load_during) > BUSY
            good[key] += absent or not (failed or busy)
            last[key] = max(line.round, last.get(key, 0))
            failed = absent = False
    return good, last
