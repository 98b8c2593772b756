"""Each measure of faults once, small, on real programs; what it must have found is in its lines."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from lbdisc_compare.contenders.contender import Unable
from lbdisc_compare.hosts.isolation import separable
from lbdisc_compare.hosts.namespaces import NamespaceHosts
from lbdisc_compare.measures.churn import Churn
from lbdisc_compare.measures.outages import HalfLost, LeaderKilled, RegistryAway
from lbdisc_compare.measures.partitions import SCENES, Partitions
from lbdisc_compare.measures.removals import HealthyRemoved
from lbdisc_compare.records import Absence, line, noted
from support.faulting import happened, measured, values
from support.networks import inside


@pytest.mark.seldom
def test_half_of_the_nodes_lost_is_seen_by_both_balancers() -> None:
    found = measured("file", replace(HalfLost(), least=0.5))
    assert len(values(found, "lost")) == 4
    assert len(values(found, "stale_route_s")) == 2
    assert all(value > 0 for value in values(found, "stale_route_s"))
    assert values(found, "agree_s", since="fault")
    assert {one.whom for one in happened(found, "down")} == {"n1", "n2"}


@pytest.mark.seldom
def test_a_registry_away_costs_nothing_and_is_found_again() -> None:
    found = measured("etcd", replace(RegistryAway(), away=8.0))
    assert sum(values(found, "lost")) == 0
    assert [one.whom for one in happened(found, "joined")] == ["newcomer"]
    assert len(values(found, "agree_s", since="healed")) == 1


@pytest.mark.seldom
def test_a_killed_server_comes_back() -> None:
    found = measured("etcd", replace(LeaderKilled(), back=1.0))
    assert {one.seat for one in happened(found, "up")} == {"balancer0", "balancer1"}
    assert sum(values(found, "lost")) == 0


def test_a_way_without_servers_has_none_to_lose() -> None:
    with pytest.raises(Unable, match="no servers that could fail"):
        measured("file", RegistryAway())


@pytest.mark.seldom
def test_churn_writes_what_was_asked_for() -> None:
    found = measured("file", replace(Churn(), lasts=12.0))
    assert values(found, "changes") == [20]
    assert sum(values(found, "missing_route_s")) > 0
    assert values(found, "agree_s", since="healed")


@pytest.mark.seldom
def test_a_way_without_servers_says_so_beside_its_removals() -> None:
    small = HealthyRemoved(ladder=(0.1,), starving=0.1, most=0.1, servers=0.1, balancer=0.1)
    found = measured("file", small)
    assert "no servers" in next(one.why for one in found if isinstance(one, Absence))


def cuts(hosts: NamespaceHosts) -> list[str]:
    """Played in networks of its own."""
    played = ("balancer | registry", "node | balancer", "minority | majority")
    scenes = [replace(scene, seconds=1.0) for scene in SCENES if scene.name in played]
    return [line(one) for one in measured("etcd", Partitions(tuple(scenes)), nodes=3, hosts=hosts)]


@pytest.mark.skipif(bool(separable()), reason="no right for network namespaces")
@pytest.mark.seldom
def test_cuts_are_played_and_healed() -> None:
    with tempfile.TemporaryDirectory(prefix="lbf-") as folder:
        found = [noted(text) for text in inside(cuts, Path(folder))]
    assert len(happened(found, "fault")) == len(happened(found, "healed")) == 2
    assert all(one.detail == "iptables, DROP" for one in happened(found, "fault"))
    assert values(found, "missing_route_s", scene="balancer | registry", seat="balancer0")[0] > 0.5
    assert values(found, "stale_route_s", scene="node | balancer", seat="balancer1") == [0]
    assert "three members" in next(one.why for one in found if isinstance(one, Absence))
