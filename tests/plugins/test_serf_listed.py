"""Whether a load balancer's agent lists a member: asked before it is called registered."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lbdisc.handshake import Announcement
from lbdisc.hooks import Registrar
from lbdisc.testing import Holding, Watching, eventually
from lbdisc.testing.offers import make_discovery, make_registrar
from lbdisc.values import Endpoint
from lbdisc_lab.servers import serf
from lbdisc_serf.asking import answer, question
from lbdisc_serf.members import Member

ANNOUNCED = Announcement(name="lb1", services=("nodes",)).endpoint("10.0.0.9")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[serf.SerfCluster]:
    with serf.start(tmp_path) as registry:
        yield registry


@pytest.fixture
def balancer(registry: serf.SerfCluster) -> Iterator[Watching]:
    """The discovery beside member 0, and its tag."""
    with ExitStack() as stack:
        watching = stack.enter_context(Watching(make_discovery("serf", registry.settings)))
        watching.until(lambda s: True, deadline=10)
        announced = make_registrar("serf", registry.settings)
        stack.enter_context(Holding(announced, ANNOUNCED)).held(deadline=10)
        yield watching


def endpoint(registry: serf.SerfCluster, index: int = 0) -> Endpoint:
    return Endpoint(service="nodes", name="n0", address=registry.node_address(index), port=80)


def registrar(registry: serf.SerfCluster, index: int = 0) -> Registrar:
    return make_registrar("serf", registry.node_settings(index))


def listed(registry: serf.SerfCluster) -> list[tuple[str, str]]:
    """What member 0 says of ``n0``: status and address."""
    return [(m.status, m.address) for m in registry.members[0].members() if m.name == "n0"]


def test_what_is_registered_is_listed(registry: serf.SerfCluster, balancer: Watching) -> None:
    with Holding(registrar(registry), endpoint(registry)) as holding:
        holding.held(deadline=10)
        assert listed(registry) == [("alive", registry.node_address(0))]


def test_tag_of_a_foreign_agent_is_listed_too(
    registry: serf.SerfCluster, balancer: Watching
) -> None:
    node = registry.node("n0", tags={})
    external = make_registrar("serf", {"serf.rpc": node.rpc})
    with Holding(external, endpoint(registry)) as holding:
        holding.held(deadline=10)
        (member,) = [m for m in registry.members[0].members() if m.name == "n0"]
        assert member.tags == {"lbdisc.nodes": "80"}


def test_name_at_another_address_is_waited_for(
    registry: serf.SerfCluster, balancer: Watching
) -> None:
    first = registry.node("n0", tags={"lbdisc.nodes": "80"}, index=1)
    balancer.until(lambda s: "n0" in {e.name for e in s.endpoints}, deadline=10)
    with Holding(registrar(registry), endpoint(registry)) as holding:
        told = f"the member n0 at {first.address}"
        eventually(lambda: holding.rival == told, deadline=20)
        first.leave()
        holding.held(deadline=20)
        assert listed(registry) == [("alive", registry.node_address(0))]


def test_who_waits_for_a_name_and_stops_leaves_it_alone(
    registry: serf.SerfCluster, balancer: Watching
) -> None:
    first = registry.node("n0", tags={"lbdisc.nodes": "80"}, index=1)
    balancer.until(lambda s: "n0" in {e.name for e in s.endpoints}, deadline=10)
    before = len(balancer.seen.snapshots)
    with Holding(registrar(registry), endpoint(registry)) as holding:
        eventually(lambda: holding.rival, deadline=20)
    registry.node("later", tags={"lbdisc.nodes": "80"}, index=2)
    balancer.until(lambda s: "later" in {e.name for e in s.endpoints}, deadline=10)
    states = [{e.name: e for e in s.endpoints} for s in balancer.seen.snapshots[before:]]
    assert all(state["n0"].address == first.address for state in states)
    assert not any(state["n0"].draining for state in states)


def test_who_stops_before_it_is_registered_is_taken_out(registry: serf.SerfCluster) -> None:
    registry.members[0].tag("lbdisc._agents", "1")  # it is asked, and will not answer
    with Holding(registrar(registry), endpoint(registry)) as holding:
        eventually(lambda: listed(registry))
        assert not holding.published
    eventually(lambda: listed(registry) == [("left", registry.node_address(0))])


def test_member_that_nobody_answers_for_is_believed(registry: serf.SerfCluster) -> None:
    registry.members[0].tag("lbdisc._agents", "1")
    with Holding(registrar(registry), endpoint(registry)) as holding:
        holding.held(deadline=10)


def test_who_is_alone_is_registered(registry: serf.SerfCluster) -> None:
    settings = registry.node_settings(0) | {"serf.join": (registry.node_address(0),)}
    with Holding(make_registrar("serf", settings), endpoint(registry)) as holding:
        holding.held(deadline=10)


@pytest.mark.parametrize(
    ("address", "status", "tag", "told"),
    [
        ("10.0.0.7", "alive", "80", "yes"),
        ("10.0.0.7", "alive", "81", "no"),
        ("10.0.0.7", "failed", "80", "no"),
        ("10.0.0.8", "failed", "80", "10.0.0.8"),
        ("10.0.0.8", "left", "80", "no"),
    ],
)
def test_answer_is_what_the_members_say(address: str, status: str, tag: str, told: str) -> None:
    asked = question(Endpoint(service="web", name="n0", address="10.0.0.7", port=80))
    member = Member(name="n0", address=address, port=7946, status=status, tags={"lbdisc.web": tag})
    assert answer(asked, [member]) == told
    assert answer(asked, []) == "no"


@pytest.mark.parametrize("payload", [None, b"", b"\xff", b"[]", b"7", json.dumps({}).encode()])
def test_question_that_is_none_is_answered_no(payload: object) -> None:
    assert answer(payload, []) == "no"


@pytest.mark.parametrize(
    "payload",
    [
        None,
        5,
        b"",
        b"\xff",
        b"[" * 1000,
        b'["n0"]',
        b"{}",
        b"9" * 1000,
        b"[1,2,3,4]",
        b'"four"',
        b'["n0","10.0.0.7",[],{}]',
    ],
)
def test_a_strange_question_is_answered(payload: object) -> None:
    member = Member(name="n0", address="10.0.0.7", port=1, status="alive")
    assert answer(payload, [member]) == "no"
