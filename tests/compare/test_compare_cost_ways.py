"""What real ways cost and need."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lbdisc_compare.contenders.catalogue import all_contenders
from lbdisc_compare.hosts.namespaces import NamespaceHosts
from lbdisc_compare.measures.cost import Cost
from lbdisc_compare.measures.measure import Measure, Scale, Sitting
from lbdisc_compare.measures.needs import Needs
from lbdisc_compare.records import Noted, Sample
from support.networks import inside


class BriefCost(Cost):
    """A few joins, and no waiting until all has settled."""

    at_once = 3

    def calm(self, scale: Scale) -> float:
        return 2.0

    def idle(self, scale: Scale) -> float:
        return 4.0

    def batches(self, scale: Scale) -> int:
        return 1


def cost_of(hosts: NamespaceHosts, way: str) -> Any:
    return measured(BriefCost(), hosts, way)


def needs_of(hosts: NamespaceHosts, way: str) -> Any:
    return measured(Needs(), hosts, way)


def measured(measure: Measure, hosts: NamespaceHosts, way: str) -> Any:
    """Figure, conditions and value of each sample."""
    noted: list[Noted] = []
    sitting = Sitting(
        way=way,
        measure=measure.name,
        round=0,
        scale=Scale(nodes=3),
        hosts=hosts,
        seed=1,
        write=noted.append,
    )
    measure.run(next(one for one in all_contenders() if one.name == way), sitting)
    samples = [one for one in noted if isinstance(one, Sample)]
    return [[one.figure, dict(one.where), one.value] for one in samples]


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="lbc-") as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("way", "programs"),
    [
        ("file", {"lbdisc", "haproxy"}),
        ("etcd", {"lbdisc", "haproxy", "etcd"}),
        ("serf-lan", {"lbdisc", "haproxy", "serf"}),
        ("dns", {"haproxy", "knotd"}),
    ],
)
def test_every_figure_is_measured_by_role_and_program(
    way: str, programs: set[str], folder: Path
) -> None:
    found = inside(cost_of, folder, way)
    assert {figure for figure, _, _ in found} == {figure.name for figure in Cost.figures}
    assert {where["program"] for _, where, _ in found if "program" in where} == programs
    idle = {where["role"]: value for figure, where, value in found if figure == "idle_messages"}
    assert (idle["all"] == 0) == (way == "file")


@pytest.mark.parametrize(("way", "servers", "may_die"), [("etcd", 1, 0), ("etcd-3", 3, 1)])
def test_of_three_servers_one_may_die(way: str, servers: int, may_die: int, folder: Path) -> None:
    found = {figure: value for figure, _, value in inside(needs_of, folder, way)}
    assert (found["servers"], found["servers_lost"]) == (servers, may_die)
