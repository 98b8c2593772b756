"""Starts beside a registry that has nodes already, measured on real ways."""

import pytest

from lbdisc_compare.contenders.contender import Unable
from lbdisc_compare.measures import starting
from lbdisc_compare.measures.measure import Scale
from lbdisc_compare.measures.starting import FullRead, Starting
from support.measuring import Cell

FEW = FullRead(entries=50, times=2, quickly=1)


@pytest.mark.seldom
@pytest.mark.parametrize("way", ["file", "etcd"])
def test_each_start_has_a_balancer_of_its_own(way: str) -> None:
    cell = Cell(Starting(), way, nodes=3).run()
    found = cell.samples(starting.START)
    assert len(found) == 3
    assert all(one.value > 0 and one.where == {"nodes": 3} for one in found)


@pytest.mark.seldom
@pytest.mark.parametrize("way", ["file", "etcd"])
def test_all_entries_are_read_before_the_balancer_has_them(way: str) -> None:
    cell = Cell(FEW, way).run()
    [listed], [read] = cell.samples(starting.LISTED), cell.samples(starting.READ)
    assert listed.where == read.where == {"entries": 50}
    assert 0 < read.value < listed.value


def test_a_process_for_each_of_a_thousand_entries_is_not_possible() -> None:
    with pytest.raises(Unable, match="Serf agent"):
        Cell(FullRead(entries=1_000, times=1, quickly=1), "serf-lan").run()


def test_what_is_not_for_a_quick_run_has_no_round_there() -> None:
    long = FullRead(entries=10_000, times=2, quickly=0)
    assert (long.rounds(Scale(quick=True)), long.rounds(Scale())) == (0, 1)
