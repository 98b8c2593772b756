"""A node that crashes, by two clocks, measured on real ways."""

import pytest

from lbdisc_compare.measures import crashes
from lbdisc_compare.measures.crashes import Crashes, cut_off
from lbdisc_compare.measures.measure import Scale
from support.measuring import Cell


@pytest.mark.seldom
@pytest.mark.parametrize("way", ["file", "etcd"])
def test_a_killed_node_is_out_of_rotation_before_its_lease_ends(way: str) -> None:
    cell = Cell(Crashes(hows=("killed",)), way).run()
    [out], [gone] = cell.samples(crashes.ROTATION), cell.samples(crashes.LIST)
    assert 0 < out.value < gone.value
    assert out.where["how"] == gone.where["how"] == "killed"
    assert gone.where["promised"] >= 10
    [failed], [last] = cell.samples(crashes.FAILED), cell.samples(crashes.LAST_LOST)
    assert failed.value >= 0
    assert 0 <= last.value <= out.value
    assert cell.absences() == {}


def test_to_be_cut_off_takes_a_network_of_ones_own() -> None:
    assert cut_off().needs == {"namespaces"}
    assert cut_off().rounds(Scale(quick=True)) == 0
