"""What becomes of what is served when the local agent's own list is not the truth."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from lbdisc.errors import DiscoveryError
from lbdisc.testing import Holding, Watching, eventually
from lbdisc.testing.offers import make_discovery, make_registrar
from lbdisc.testing.proxy import FaultProxy
from lbdisc.values import Endpoint, Snapshot
from lbdisc_lab.servers import serf
from support.children import children_with

DETECTION = 60.0  # seconds; none confirms the suspicions of an agent that is cut off
BALANCER = 40


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[serf.SerfCluster]:
    with serf.start(tmp_path) as registry:
        yield registry


def names(*wanted: str) -> Callable[[Snapshot], bool]:
    return lambda snapshot: [e.name for e in snapshot.endpoints] == sorted(wanted)


def own(folder: Path) -> psutil.Process:
    """The agent whose configuration is in ``folder``."""
    return children_with(str(folder))[0]


def test_nobody_is_lost_when_gossip_to_the_balancer_is_cut(registry: serf.SerfCluster) -> None:
    nodes = [registry.node(name) for name in ("n1", "n2", "n3", "n4")]
    with Watching(make_discovery("serf", registry.settings)) as watching:
        watching.until(names("n1", "n2", "n3", "n4"), deadline=15)
        for node in nodes:
            node.pause()
        error = watching.failed(deadline=DETECTION)
        eventually(lambda: registry.members[0].alive() == {"member0"}, deadline=DETECTION)
        for node in nodes:
            node.resume()
        everybody = {"member0", "n1", "n2", "n3", "n4"}
        eventually(lambda: registry.members[0].alive() == everybody, deadline=DETECTION)
        nodes[0].leave()
        watching.until(names("n2", "n3", "n4"), deadline=15)
    assert "reaches none of the others" in str(error) or "is alone and misses 4" in str(error)
    assert watching.seen.states_of(registered(nodes[1])) == ["ready"]


def registered(node: serf.SerfAgent) -> Endpoint:
    return Endpoint(service="nodes", name=node.name, address=node.address, port=3000)


def test_an_agent_that_cannot_join_again_says_why_and_loses_nobody(tmp_path: Path) -> None:
    with serf.start(tmp_path, encrypt=True) as registry:
        first = registry.node("n1")
        registry.node("n2")
        with Watching(make_discovery("serf", registry.settings)) as watching:
            watching.until(names("n1", "n2"), deadline=15)
            member = registry.members[0]
            member.configuration["encrypt_key"] = "SZrbIokNc9LFeATIkfqYJNbTVWkHth1coUHyBPkYUSI="
            registry.restart()
            eventually(lambda: "is alone and misses 2 that it knew" in said(watching))
            assert said(watching).endswith("decrypt the message (serf.encrypt)")
            member.configuration["encrypt_key"] = registry.encrypt
            registry.restart()
            registry.node("n3")
            watching.until(names("n1", "n2", "n3"), deadline=15)
        assert watching.seen.states_of(registered(first)) == ["ready"]


def test_a_node_that_only_has_another_key_stays_and_the_others_are_followed(
    tmp_path: Path,
) -> None:
    with serf.start(tmp_path, encrypt=True) as registry:
        odd, other = registry.node("n1"), registry.node("n2")
        registry.node("n3")
        with Watching(make_discovery("serf", registry.settings)) as watching:
            watching.until(names("n1", "n2", "n3"), deadline=15)
            odd.kill()
            odd.configuration["encrypt_key"] = "SZrbIokNc9LFeATIkfqYJNbTVWkHth1coUHyBPkYUSI="
            odd.start()
            watching.failed(deadline=DETECTION)
            other.leave()
            watching.until(names("n1", "n3"), deadline=15)
            eventually(lambda: len(watching.errors) > 1)  # what was followed is no sign of health
        assert "does not meet all that it knew" in said(watching)
        assert "serf.encrypt" in said(watching)


def said(watching: Watching) -> str:
    return str(watching.errors[-1]) if watching.errors else ""


def test_a_single_host_is_believed_alone(registry: serf.SerfCluster) -> None:
    settings = registry.node_settings(0) | {"serf.join": (), "serf.node": "n0"}
    node = Endpoint(service="nodes", name="n0", address=registry.node_address(0), port=80)
    with Holding(make_registrar("serf", settings), node) as holding:
        holding.held(deadline=15)
        with Watching(make_discovery("serf", settings)) as watching:
            watching.until(names("n0"), deadline=15)
        assert watching.errors == []


def test_a_node_that_comes_while_the_agent_is_doubted_is_listed(tmp_path: Path) -> None:
    with serf.start(tmp_path) as registry:
        first = registry.node("n1")
        with Watching(make_discovery("serf", registry.settings)) as watching:
            watching.until(names("n1"), deadline=15)
            first.kill()
            error = watching.failed(deadline=DETECTION)
            assert isinstance(error, DiscoveryError)
            assert "is alone and misses 1 that it knew" in str(error)
            registry.node("n2")
            watching.until(names("n2"), deadline=15)
        assert watching.seen.states_of(registered(first)) == ["ready", "out"]


def managed(registry: serf.SerfCluster, **settings: Any) -> dict[str, object]:
    dotted = {f"serf.{name}": value for name, value in settings.items()}
    return registry.node_settings(BALANCER) | {"serf.node": "balancer"} | dotted


def test_an_own_agent_that_is_alone_goes_on_so_that_others_can_join_it(
    registry: serf.SerfCluster,
) -> None:
    with Watching(make_discovery("serf", managed(registry))) as watching:
        registry.node("n1")
        watching.until(names("n1"), deadline=15)
        agent = own(registry.folder / f"managed-{BALANCER}")
        registry.stop()
        watching.failed(deadline=DETECTION)
        registry.start()
        registry.node("n2").join(registry.node_address(BALANCER))
        watching.until(names("n2"), deadline=DETECTION)
        assert own(registry.folder / f"managed-{BALANCER}") == agent


def test_another_clusters_agent_is_not_followed_and_the_two_are_not_merged(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    with serf.start(folders[0]) as ours, serf.start(folders[1]) as theirs:
        ours.node("n1")
        theirs.node("x1")
        theirs.node("x2")
        with FaultProxy(serf.RPC_PORT, host=ours.members[0].address) as way:
            settings = {**ours.settings, "serf.rpc": f"127.0.0.1:{way.port}"}
            with Watching(make_discovery("serf", settings)) as watching:
                watching.until(names("n1"), deadline=15)
                way.target = theirs.members[0].address, serf.RPC_PORT
                way.drop()
                error = watching.failed(deadline=DETECTION)
                eventually(lambda: "nobody of the cluster that was followed" in said(watching))
                theirs.node("x3")
                eventually(lambda: "x3" in theirs.members[0].alive(), deadline=DETECTION)
                assert "n1" not in theirs.members[0].alive()
                assert {e.name for s in watching.seen.snapshots for e in s.endpoints} == {"n1"}
                way.target = ours.members[0].address, serf.RPC_PORT
                way.drop()
                ours.node("n2")
                watching.until(names("n1", "n2"), deadline=DETECTION)
    assert isinstance(error, DiscoveryError)
