"""lbdisc's own ways where it takes longer: all variants, lost leaders, hosts with networks."""

from pathlib import Path
from typing import Any

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import Size
from lbdisc_compare.contenders.lbdisc_ways import LBDISC_WAYS
from lbdisc_compare.hosts.namespaces import NamespaceHosts
from support.compared import answering, deploying
from support.networks import inside

WAYS = {way.name: way for way in LBDISC_WAYS}
CLUSTERS = [name for name in WAYS if name.endswith("-3")]
PATIENCE = 60.0  # seconds; catches a hang, measures nothing


@pytest.mark.parametrize("name", WAYS)
def test_a_killed_seat_and_registry_come_back_with_what_there_was(name: str) -> None:
    with deploying(WAYS[name]) as deployed:
        seat = deployed.seats[0]
        deployed.serve("v1")
        deployed.join("v1")
        eventually(lambda: answering(seat) == "v1", what="v1 to answer")
        before = set(seat.pids)
        seat.kill()
        for part in deployed.registry:
            part.kill()
            assert part.pids == []
        for part in deployed.registry:
            part.start()
        seat.start()
        eventually(lambda: answering(seat) == "v1", deadline=PATIENCE, what="v1 to answer")
        assert not before & set(seat.pids)


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_cluster_goes_on_without_its_leader_and_takes_it_back(name: str) -> None:
    with deploying(WAYS[name]) as deployed:
        first = deployed.leader()
        assert first is not None
        assert first in deployed.registry
        first.kill()
        deployed.serve("c1")
        deployed.join("c1")
        eventually(lambda: answering(deployed.seats[0]) == "c1", what="c1 to answer")
        assert deployed.leader() not in (None, first)
        first.start()
        assert first.pids != []


def scene(name: str, hosts: NamespaceHosts) -> Any:
    """Whom the balancer serves: a node of a client, one with a registrar, and who is not cut."""
    with WAYS[name].deploy(hosts, Size()) as deployed:
        seat = deployed.seats[0]
        deployed.serve("n1")
        deployed.join("n1")
        deployed.register("n2")
        both = {"n1": "up", "n2": "up"}
        eventually(lambda: seat.servers() == both, what="both to be up")
        hosts.cut(hosts.host("n1"))
        eventually(lambda: seat.servers().get("n1") != "up", deadline=PATIENCE, what="n1 out")
        during = answering(seat)
        hosts.heal()
        eventually(lambda: seat.servers() == both, deadline=PATIENCE, what="n1 to be back")
        deployed.leave("n1")
        eventually(lambda: seat.servers() == {"n2": "up"}, what="n1 to be gone")
        return [during, answering(seat)]


def on_file(hosts: NamespaceHosts) -> Any:
    return scene("file", hosts)


def on_etcd(hosts: NamespaceHosts) -> Any:
    return scene("etcd", hosts)


def on_zookeeper(hosts: NamespaceHosts) -> Any:
    return scene("zookeeper", hosts)


def on_doozer(hosts: NamespaceHosts) -> Any:
    return scene("doozer", hosts)


def on_serf(hosts: NamespaceHosts) -> Any:
    return scene("serf-local", hosts)


@pytest.mark.parametrize("play", [on_file, on_etcd, on_zookeeper, on_doozer, on_serf])
def test_hosts_with_networks_of_their_own_have_nodes_that_are_cut_off(
    play: Any, tmp_path: Path
) -> None:
    assert inside(play, tmp_path) == ["n2", "n2"]
