"""The alternatives to lbdisc, with their real programs: whom they serve, and whom no longer."""

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from lbdisc.errors import LbdiscError
from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import Contender, Deployment, Seat, Size, Unable
from lbdisc_compare.contenders.outside.ways import outsiders
from lbdisc_compare.hosts.loopback import LoopbackHosts

ALL = {way.name: way for way in outsiders()}
PATIENCE = 60.0  # seconds; catches a hang, measures nothing


@pytest.fixture(params=ALL)
def way(request: pytest.FixtureRequest) -> Contender:
    """Each alternative; what no registry has is left out where it is not on the PATH."""
    found = ALL[request.param]
    lacking = found.missing()
    if any(not one.package for one in lacking):
        pytest.skip(f"nobody packs {', '.join(one.program for one in lacking)}")
    assert not lacking, f"make compare-test installs {lacking}"
    return found


@contextmanager
def deployed(way: Contender, folder: Path, size: Size | None = None) -> Iterator[Deployment]:
    with way.deploy(LoopbackHosts(folder), size or Size()) as deployment:
        yield deployment


def node_of(seat: Seat) -> str:
    """Who answers one request to the balancer; empty for nobody."""
    connection = http.client.HTTPConnection(seat.host.address, seat.port, timeout=5)
    with closing(connection):
        try:
            connection.request("GET", "/")
            reply = connection.getresponse()
        except (OSError, http.client.HTTPException):
            return ""
        return reply.headers.get("x-node", "") if reply.status == 200 else ""


def states(seat: Seat) -> dict[str, str]:
    """What the balancer shows; nothing while it does not answer, as on a busy machine."""
    with suppress(LbdiscError):
        return dict(seat.servers())
    return {"nobody": "known"}


def shows(deployment: Deployment, **expected: str) -> None:
    """Wait until every balancer shows just these nodes in these states."""
    for seat in deployment.seats:
        eventually(lambda seat=seat: states(seat) == expected, deadline=PATIENCE)  # type: ignore[misc]


def test_a_node_that_joins_is_served_and_one_that_leaves_is_gone(
    way: Contender, tmp_path: Path
) -> None:
    with deployed(way, tmp_path) as deployment:
        deployment.serve("n1", "n2")
        deployment.join("n1")
        deployment.join("n2")
        shows(deployment, n1="up", n2="up")
        eventually(lambda: {node_of(deployment.seats[0]) for _ in range(8)} == {"n1", "n2"})
        deployment.leave("n2")
        eventually(lambda: states(deployment.seats[0]).get("n2") != "up")
        eventually(lambda: {node_of(deployment.seats[0]) for _ in range(8)} == {"n1"})


def test_a_registered_node_that_crashes_is_not_up(way: Contender, tmp_path: Path) -> None:
    with deployed(way, tmp_path) as deployment:
        nodes = {name: deployment.register(name) for name in ("n1", "n2")}
        shows(deployment, n1="up", n2="up")
        nodes["n2"].kill()
        seat = deployment.seats[0]
        eventually(
            lambda: states(seat) in ({"n1": "up", "n2": "down"}, {"n1": "up"}), deadline=PATIENCE
        )


def test_a_registered_node_that_leaves_is_gone(way: Contender, tmp_path: Path) -> None:
    with deployed(way, tmp_path) as deployment:
        nodes = {name: deployment.register(name) for name in ("n1", "n2")}
        shows(deployment, n1="up", n2="up")
        nodes["n2"].leave()
        assert nodes["n2"].pids == []
        shows(deployment, n1="up")


def test_a_balancer_that_comes_later_finds_all_that_are_there(
    way: Contender, tmp_path: Path
) -> None:
    names = [f"n{number}" for number in range(20)]
    with deployed(way, tmp_path, Size(balancers=0, checks=False)) as deployment:
        deployment.join_all(names)
        deployment.add_seat().start()
        shows(deployment, **dict.fromkeys(names, "up"))


UNWEIGHABLE = {"lab"}


def test_a_weight_reaches_the_balancer_or_the_way_says_why_not(
    way: Contender, tmp_path: Path
) -> None:
    with deployed(way, tmp_path) as deployment:
        deployment.serve("n1", "n2")
        deployment.join("n1")
        deployment.join("n2")
        shows(deployment, n1="up", n2="up")
        if way.name in UNWEIGHABLE:
            with pytest.raises(Unable, match="weight"):
                deployment.weigh("n1", 10)
            return
        deployment.weigh("n1", 10)
        seat = deployment.seats[0]

        def mostly_n2() -> bool:
            return sum(node_of(seat) == "n2" for _ in range(110)) >= 90

        eventually(mostly_n2, deadline=PATIENCE)


def test_a_balancer_that_crashed_serves_again_once_it_is_started(
    way: Contender, tmp_path: Path
) -> None:
    with deployed(way, tmp_path, Size(balancers=2)) as deployment:
        deployment.serve("n1")
        deployment.join("n1")
        shows(deployment, n1="up")
        seat = deployment.seats[1]
        seat.kill()
        assert seat.pids == []
        seat.start()
        eventually(lambda: node_of(seat) == "n1", deadline=PATIENCE)


def test_a_way_says_what_it_needs_and_promises(way: Contender) -> None:
    assert way.family == "outsider"
    assert way.promises.words
    assert way.promises.crash_source
    assert all(way.versions().values())
    assert way.settings
