"""Each measure of faults once, small, on real programs; what it must have found is in its lines."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lbdisc_compare.contenders.catalogue import all_contenders
from lbdisc_compare.contenders.contender import Unable
from lbdisc_compare.hosts.isolation import isolated, separable
from lbdisc_compare.hosts.loopback import LoopbackHosts
from lbdisc_compare.measures.churn import Churn
from lbdisc_compare.measures.measure import Measure, Scale, Sitting
from lbdisc_compare.measures.outages import HalfLost, LeaderKilled, RegistryAway
from lbdisc_compare.measures.partitions import SCENES, Partitions
from lbdisc_compare.measures.removals import WrongRemovals
from lbdisc_compare.records import Absence, Happening, Noted, Sample, line, noted

Measuring = Callable[..., list[Noted]]


@pytest.fixture
def measured(tmp_path: Path) -> Measuring:
    def run(way: str, measure: Measure, nodes: int = 4) -> list[Noted]:
        found: list[Noted] = []
        sitting = Sitting(
            way=way,
            measure=measure.name,
            round=0,
            scale=Scale(quick=True, nodes=nodes),
            hosts=LoopbackHosts(tmp_path),
            seed=1,
            write=found.append,
        )
        measure.run(next(one for one in all_contenders() if one.name == way), sitting)
        return found

    return run


def values(found: list[Noted], figure: str, **where: object) -> list[float]:
    samples = [one for one in found if isinstance(one, Sample) and one.figure == figure]
    return [one.value for one in samples if where.items() <= dict(one.where).items()]


def happened(found: list[Noted], what: str) -> list[Happening]:
    return [one for one in found if isinstance(one, Happening) and one.what == what]


def test_half_of_the_nodes_lost_is_seen_by_both_balancers(measured: Measuring) -> None:
    found = measured("file", replace(HalfLost(), least=0.5))
    assert len(values(found, "lost")) == 4
    assert len(values(found, "stale_route_s")) == 2
    assert all(value > 0 for value in values(found, "stale_route_s"))
    assert values(found, "agree_s", since="fault")
    assert {one.whom for one in happened(found, "down")} == {"n1", "n2"}


def test_a_registry_away_costs_nothing_and_is_found_again(measured: Measuring) -> None:
    found = measured("etcd", replace(RegistryAway(), away=8.0))
    assert sum(values(found, "lost")) == 0
    assert [one.whom for one in happened(found, "joined")] == ["newcomer"]
    assert len(values(found, "agree_s", since="healed")) == 1


def test_a_killed_server_comes_back(measured: Measuring) -> None:
    found = measured("etcd", replace(LeaderKilled(), back=1.0))
    assert {one.seat for one in happened(found, "up")} == {"balancer0", "balancer1"}
    assert sum(values(found, "lost")) == 0


def test_a_way_without_servers_has_none_to_lose(measured: Measuring) -> None:
    with pytest.raises(Unable, match="no servers that could fail"):
        measured("file", RegistryAway())


def test_churn_writes_what_was_asked_for(measured: Measuring) -> None:
    found = measured("file", replace(Churn(), lasts=12.0))
    assert values(found, "changes") == [20]
    assert sum(values(found, "missing_route_s")) > 0
    assert values(found, "agree_s", since="healed")


def test_a_frozen_registrar_has_its_healthy_node_removed(measured: Measuring) -> None:
    small = WrongRemovals(ladder=(14.0, 0.1), starving=0.5, most=0.2, servers=0.2, balancer=0.2)
    found = measured("file", small)
    alone = {"who": "registrars", "how": "frozen", "k": 1}
    assert values(found, "removed_wrongly", **alone, seconds=14.0) == [1]
    assert values(found, "removed_seconds", **alone, seconds=14.0)[0] > 1
    assert values(found, "seats_affected", **alone, seconds=14.0) == [2]
    assert values(found, "removed_wrongly", **alone, seconds=0.1) == [0]


def test_removals_are_counted_with_and_without_the_guard(measured: Measuring) -> None:
    small = WrongRemovals(ladder=(0.1,), starving=0.1, most=14.0, servers=0.1, balancer=0.1)
    found = measured("file", small)
    most = {"who": "registrars", "k": 3, "seconds": 14.0}
    assert values(found, "removed_wrongly", **most, guard=False) == [3]
    assert values(found, "removed_wrongly", **most, guard=True)[0] < 3
    assert values(found, "guard_right_holds", **most)[0] >= 2
    assert values(found, "guard_false_holds", **most) == [1]


def test_a_way_without_servers_says_so_beside_its_removals(measured: Measuring) -> None:
    small = WrongRemovals(ladder=(0.1,), starving=0.1, most=0.1, servers=0.1, balancer=0.1)
    found = measured("file", small)
    assert "no servers" in next(one.why for one in found if isinstance(one, Absence))


@pytest.mark.skipif(bool(separable()), reason="no right for network namespaces")
def test_partitions_are_played_and_healed(tmp_path: Path) -> None:
    (tmp_path / "cell").mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = isolated([sys.executable, __file__, tmp_path / "cell"])
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=110)
    found = [noted(text) for text in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(happened(found, "fault")) == len(happened(found, "healed")) == 4
    assert all(one.detail for one in happened(found, "fault"))
    assert values(found, "missing_route_s", scene="balancer | registry", seat="balancer0")[0] > 0.5
    assert values(found, "stale_route_s", scene="node | balancer", seat="balancer1") == [0]
    assert "three members" in next(one.why for one in found if isinstance(one, Absence))


def _in_cell(folder: Path) -> None:
    """What the test above has run in a network of its own."""
    from lbdisc_compare.hosts.namespaces import NamespaceHosts

    played = [scene for scene in SCENES if scene.name not in ("node | registry", "one way")]
    sitting = Sitting(
        way="etcd",
        measure="partition",
        round=0,
        scale=Scale(quick=True, nodes=3),
        hosts=NamespaceHosts(folder),
        seed=1,
        write=lambda one: print(line(one)),  # noqa: T201 - that is how it tells
    )
    measure = Partitions(scenes=tuple(replace(scene, seconds=1.0) for scene in played))
    measure.run(next(one for one in all_contenders() if one.name == "etcd"), sitting)


if __name__ == "__main__":
    _in_cell(Path(sys.argv[1]))
