"""Joins, weight changes and leaves, measured on real ways."""

import pytest

from lbdisc_compare.measures import joins
from lbdisc_compare.measures.joins import Joins
from support.measuring import Cell

FEW = Joins(quick=2)


@pytest.mark.seldom
@pytest.mark.parametrize("way", ["file", "etcd"])
def test_each_join_and_leave_is_a_sample_of_its_own(way: str) -> None:
    cell = Cell(FEW, way).run()
    for figure in (joins.SERVED, joins.WRITTEN, joins.SNAPSHOT, joins.APPLIED, joins.LEFT):
        assert len(cell.samples(figure)) == 2
        assert all(one.value > 0 and one.unit == "ms" for one in cell.samples(figure))
    assert len(cell.samples(joins.WEIGHT)) == 1
    assert cell.absences() == {}
