"""lbdisc's own ways do the moves of a deployment, on real servers."""

from collections.abc import Iterator

import pytest

from lbdisc.errors import LbdiscError
from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import Deployment, Guarded, Size, Steered, Unable
from lbdisc_compare.contenders.etcd_client import EtcdClient
from lbdisc_compare.contenders.lbdisc_ways import LBDISC_WAYS
from support.compared import answering, deploying

WAYS = {way.name: way for way in LBDISC_WAYS}
FAMILIES = ("file", "etcd", "zookeeper", "doozer", "serf-local")


@pytest.fixture(scope="module", params=FAMILIES)
def deployed(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    with deploying(WAYS[request.param]) as deployment:
        yield deployment


def test_a_node_that_joins_is_served_and_one_that_leaves_is_not(deployed: Deployment) -> None:
    seat = deployed.seats[0]
    deployed.serve("n1")
    deployed.join("n1")
    eventually(lambda: answering(seat) == "n1", what="n1 to answer")
    assert seat.servers() == {"n1": "up"}
    deployed.leave("n1")
    eventually(lambda: not seat.servers(), what="n1 to be gone")
    assert answering(seat) == ""


def test_a_changed_weight_and_when_it_came_are_told(deployed: Deployment) -> None:
    seat = deployed.seats[0]
    deployed.serve("n2")
    deployed.join("n2", weight=50)
    eventually(lambda: seat.servers() == {"n2": "up"}, what="n2 to be up")
    first = eventually(lambda: seat.stages("n2"), what="the stages of n2")
    deployed.weigh("n2", 0)
    eventually(lambda: seat.servers() == {"n2": "draining"}, what="n2 at weight 0")
    eventually(lambda: seat.stages("n2") != first, what="the stages of the other weight")
    second = seat.stages("n2")
    assert first["snapshot"] <= first["applied"] < second["snapshot"] <= second["applied"]
    deployed.leave("n2")
    eventually(lambda: not seat.servers(), what="n2 to be gone")


def test_a_registered_node_that_was_killed_comes_back_and_leaves_cleanly(
    deployed: Deployment,
) -> None:
    seat = deployed.seats[0]
    nodes = deployed.register_all(["k1", "k2"])
    eventually(lambda: seat.servers() == {"k1": "up", "k2": "up"}, what="both to be up")
    nodes[0].kill()
    eventually(lambda: seat.servers().get("k1") != "up", what="k1 to be out")
    assert answering(seat) == "k2"
    nodes[0].start()
    eventually(lambda: seat.servers() == {"k1": "up", "k2": "up"}, what="k1 to be back")
    for node in nodes:
        node.leave()
        assert node.pids == []
    eventually(lambda: not seat.servers(), what="both to be gone")


def test_a_seat_says_what_it_serves_unless_its_balancer_is_frozen(deployed: Deployment) -> None:
    seat = deployed.seats[0]
    deployed.serve("f1")
    deployed.join("f1")
    eventually(lambda: seat.servers() == {"f1": "up"}, what="f1 to be up")
    assert isinstance(seat, Steered)
    (agent,) = seat.steering
    agent.pause()
    assert answering(seat) == "f1"
    assert seat.servers() == {"f1": "up"}
    seat.pause()
    with pytest.raises((LbdiscError, OSError)):
        seat.servers()
    seat.resume()
    assert eventually(seat.servers, what="the seat to speak again") == {"f1": "up"}


def test_a_second_balancer_comes_later(deployed: Deployment) -> None:
    second = deployed.add_seat()
    second.start()
    eventually(lambda: answering(second) == "f1", what="f1 to answer there")
    assert deployed.seats[1] is second


@pytest.mark.parametrize("guard", [True, False])
def test_the_guard_tells_whom_it_holds_where_there_is_one(guard: bool) -> None:
    names = ["g1", "g2", "g3"]
    with deploying(WAYS["etcd"], Size(guard=guard)) as deployed:
        seat = deployed.seats[0]
        assert isinstance(seat, Guarded)
        deployed.join_all(names)
        eventually(lambda: sorted(seat.servers()) == names, what="three nodes")
        client = EtcdClient([f"http://{deployed.registry[0].host.address}:2379"])
        for name in names:
            client.delete(f"/lbdisc/nodes/{name}")
        left = names if guard else []
        eventually(lambda: sorted(seat.held()) == left == sorted(seat.servers()), what=f"{left}")
        client.close()


def test_without_checks_a_node_that_does_not_answer_is_up() -> None:
    with deploying(WAYS["file"], Size(checks=False)) as deployed:
        seat = deployed.seats[0]
        deployed.join("u1")
        eventually(lambda: seat.servers() == {"u1": "up"}, what="u1")
        assert answering(seat) == ""
        assert seat.servers() == {"u1": "up"}


def test_a_node_without_its_serf_agent_cannot_be_written() -> None:
    with deploying(WAYS["serf-local"], Size(balancers=0)) as deployed:
        assert deployed.seats == []
        with pytest.raises(LbdiscError, match="serve it first"):
            deployed.join("s1")
        with pytest.raises(Unable, match="most on one machine"):
            deployed.join_all([f"s{number}" for number in range(1000)])
