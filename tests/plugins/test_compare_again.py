"""What failed or met a busy machine is measured again, and nothing else."""

from collections.abc import Iterator

from lbdisc_compare.contenders.catalogue import all_contenders
from lbdisc_compare.measures.joins import Joins
from lbdisc_compare.measures.measure import Scale
from lbdisc_compare.records import Absence, Breakdown, Noted
from lbdisc_compare.running.again import again
from lbdisc_compare.running.schedule import Cell, schedule
from support.compare_samples import cell, samples

ETCD, FILE = (next(c for c in all_contenders() if c.name == name) for name in ("etcd", "file"))
CELLS = schedule([ETCD], [Joins()], Scale(), 1)  # two rounds


def ended(round: int, *, busy: float = 0.0, failed: bool = False) -> Iterator[Noted]:
    its = samples("etcd", [1.0], measure="join", figure="join_served", unit="ms", round=round)
    if failed:
        its.append(Breakdown(way="etcd", measure="join", round=round, why="it failed"))
    yield from cell("etcd", "join", *its, round=round, busy=busy)


def rounds(*told: Noted, cells: list[Cell] = CELLS) -> list[int]:
    return [one.round for one in again(cells, told)]


def test_what_was_quiet_and_whole_is_left_alone() -> None:
    assert rounds(*ended(0), *ended(1)) == []


def test_a_busy_round_is_followed_by_another() -> None:
    assert rounds(*ended(0, busy=0.5), *ended(1)) == [2]


def test_a_failed_round_is_followed_by_another() -> None:
    assert rounds(*ended(0, failed=True), *ended(1, failed=True)) == [2, 3]


def test_enough_good_rounds_are_enough() -> None:
    assert rounds(*ended(0, busy=0.5), *ended(1), *ended(2)) == []


def test_what_cannot_be_measured_here_is_not_tried_again() -> None:
    told = Absence(way="etcd", measure="join", round=0, why="no program")
    assert rounds(*cell("etcd", "join", told, busy=0.9), *ended(1)) == []


def test_what_the_run_has_not_come_to_is_none_of_it() -> None:
    assert rounds(*ended(0, busy=0.9), cells=schedule([FILE], [Joins()], Scale(), 1)) == []
