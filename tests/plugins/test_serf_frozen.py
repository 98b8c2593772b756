"""Members that are frozen among living ones: the kernel takes a connection, and nobody answers."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lbdisc.testing import Watching, eventually
from lbdisc.testing.offers import make_discovery
from lbdisc.values import Endpoint, Snapshot
from lbdisc_lab.servers import serf
from lbdisc_serf.wire import RpcError

DETECTION = 60.0  # seconds; half of the members confirm no suspicion


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[serf.SerfCluster]:
    with serf.start(tmp_path, profile="lan") as registry:
        yield registry


@pytest.fixture
def nodes(registry: serf.SerfCluster) -> Iterator[list[serf.SerfAgent]]:
    nodes = [registry.node(f"n{number}") for number in range(8)]
    yield nodes
    for node in nodes:
        node.resume()


def names(nodes: list[serf.SerfAgent]) -> Callable[[Snapshot], bool]:
    return lambda snapshot: {e.name for e in snapshot.endpoints} == {n.name for n in nodes}


@contextmanager
def held_up(agent: serf.SerfAgent, frozen: serf.SerfAgent) -> Iterator[None]:
    """``agent`` is joining ``frozen`` nine times over, which takes it a minute and a half."""

    def join() -> None:
        with suppress(RpcError), agent.client() as client:
            client.join([frozen.address], timeout=2.0)  # it goes on when its client is gone

    with ThreadPoolExecutor(9) as pool:
        list(pool.map(lambda _: join(), range(9)))
    yield


@pytest.mark.parametrize("count", [3, 4])
def test_frozen_nodes_among_living_ones_are_out_and_the_registry_is_not_lost(
    registry: serf.SerfCluster, nodes: list[serf.SerfAgent], count: int
) -> None:
    with Watching(make_discovery("serf", registry.settings)) as watching:
        watching.until(names(nodes), deadline=30)
        for node in nodes[:count]:
            node.pause()
        watching.until(names(nodes[count:]), deadline=DETECTION)
        assert watching.errors == []


def test_an_agent_that_is_held_up_by_joining_a_frozen_node_reaches_the_living_all_the_same(
    registry: serf.SerfCluster, nodes: list[serf.SerfAgent]
) -> None:
    with Watching(make_discovery("serf", registry.settings)) as watching:
        watching.until(names(nodes), deadline=30)
        for node in nodes[:2]:
            node.pause()
        with held_up(registry.members[0], nodes[0]):
            watching.until(names(nodes[2:]), deadline=DETECTION)
        assert watching.errors == []


def test_a_frozen_node_that_wakes_up_is_listed_again(
    registry: serf.SerfCluster, nodes: list[serf.SerfAgent]
) -> None:
    with Watching(make_discovery("serf", registry.settings)) as watching:
        watching.until(names(nodes), deadline=30)
        nodes[0].pause()
        watching.until(names(nodes[1:]), deadline=DETECTION)
        nodes[0].resume()
        watching.until(names(nodes), deadline=DETECTION)


@pytest.mark.seldom
def test_an_agent_whose_others_are_all_frozen_keeps_them_and_none_is_out_when_they_wake_up(
    registry: serf.SerfCluster, nodes: list[serf.SerfAgent]
) -> None:
    with Watching(make_discovery("serf", registry.settings)) as watching:
        watching.until(names(nodes), deadline=30)
        for node in nodes:
            node.pause()
        watching.failed(deadline=DETECTION)
        eventually(lambda: registry.members[0].alive() == {"member0"}, deadline=DETECTION)
        for node in nodes:
            node.resume()
        eventually(lambda: len(registry.members[0].alive()) == 9, deadline=DETECTION)
        nodes[-1].leave()
        watching.until(names(nodes[:-1]), deadline=DETECTION)
    assert watching.seen.states_of(listed(nodes[0])) == ["ready"]


def listed(node: serf.SerfAgent) -> Endpoint:
    return Endpoint(service="nodes", name=node.name, address=node.address, port=3000)
