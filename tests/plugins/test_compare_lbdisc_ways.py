"""Every way of lbdisc does the moves of a deployment, on real servers."""

import http.client
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import Deployment, Seat, Size
from lbdisc_compare.contenders.lbdisc_way import LbdiscWay
from lbdisc_compare.contenders.lbdisc_ways import LBDISC_WAYS
from lbdisc_compare.hosts.loopback import LoopbackHosts

WAYS = {way.name: way for way in LBDISC_WAYS}


def answering(seat: Seat) -> str:
    """The node that answers one request; empty if none does."""
    with suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection(seat.host.address, seat.port, timeout=5)
        try:
            connection.request("GET", "/", headers={"Connection": "close"})
            return connection.getresponse().getheader("x-node", "")
        finally:
            connection.close()
    return ""


@pytest.fixture(scope="module", params=list(WAYS))
def way(request: pytest.FixtureRequest) -> LbdiscWay:
    return WAYS[request.param]


@pytest.fixture(scope="module")
def deployed(way: LbdiscWay) -> Iterator[Deployment]:
    with (
        tempfile.TemporaryDirectory(prefix="lbc-") as folder,
        way.deploy(LoopbackHosts(Path(folder)), Size()) as deployment,
    ):
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
    eventually(lambda: seat.stages("n2") != first, what="stages of the other weight")
    second = seat.stages("n2")
    assert first["snapshot"] <= first["applied"] < second["snapshot"] <= second["applied"]
    deployed.leave("n2")


def test_a_registered_node_is_served_and_leaves_cleanly(deployed: Deployment) -> None:
    seat = deployed.seats[0]
    node = deployed.register("r1")
    eventually(lambda: answering(seat) == "r1", what="r1 to answer")
    node.leave()
    eventually(lambda: not seat.servers(), what="r1 to be gone")
    assert node.pids == []


def test_a_killed_node_gets_no_traffic_and_comes_back(deployed: Deployment) -> None:
    seat = deployed.seats[0]
    node, _ = deployed.register_all(["k1", "k2"])
    eventually(lambda: seat.servers() == {"k1": "up", "k2": "up"}, what="both to be up")
    node.kill()
    eventually(lambda: seat.servers().get("k1") != "up", what="k1 to be out")
    node.start()
    eventually(lambda: seat.servers() == {"k1": "up", "k2": "up"}, what="k1 to be back")
