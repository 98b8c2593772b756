"""A load balancer's agent in Serf: a tag beside whatever else its member offers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lbdisc import fleet_orders as orders
from lbdisc.fleet import Digest
from lbdisc.fleet_orders import FleetOrder, FleetWord
from lbdisc.handshake import Announcement
from lbdisc.testing import Holding
from lbdisc_lab.servers.serf import SerfCluster, start
from lbdisc_serf.members import Member
from lbdisc_serf.registrar import SerfRegistrar
from lbdisc_serf.settings import SerfSettings
from lbdisc_serf.view import read

SAID = Digest(listed="abcde", settings="abcde", version="1", since=1_800_000_000)
ENTRY = Announcement(name="lb1", services=("nodes",), digest=SAID).endpoint("10.0.0.9")
TAG = "lbdisc._agents"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SerfCluster]:
    with start(tmp_path) as found:
        yield found


def settings(registry: SerfCluster) -> SerfSettings:
    return SerfSettings(rpc=registry.members[0].rpc)


def tags(registry: SerfCluster) -> dict[str, str]:
    [member] = registry.members[0].members()
    return dict(member.tags)


def test_it_takes_name_and_address_of_its_member_and_leaves_nothing(registry: SerfCluster) -> None:
    registry.members[0].tag("role", "backend")
    with Holding(SerfRegistrar(settings(registry)), ENTRY) as holding:
        holding.held(deadline=30)
        found = read(registry.members[0].members(), settings(registry)).endpoints
    member = registry.members[0].name
    assert set(found) == {("_agents", member), ("nodes", member)}
    told = Announcement.read(found["_agents", member])
    assert (told.services, told.digest) == (("nodes",), SAID)
    assert tags(registry) == {"role": "backend"}


def test_it_never_starts_a_serf_agent_of_its_own(registry: SerfCluster, tmp_path: Path) -> None:
    registry.stop()
    managed = replace(settings(registry), agent="managed", folder=tmp_path / "managed")
    with Holding(SerfRegistrar(managed), ENTRY) as holding:
        assert "serf.rpc" in str(holding.failed(deadline=10))
    assert not managed.folder.exists()


def test_orders_to_the_fleet_travel_in_it_as_far_as_there_is_room(registry: SerfCluster) -> None:
    registry.members[0].tag("role", "b" * 40)
    registrar = SerfRegistrar(settings(registry))
    why = "its disk; 100 % = \u00fc"
    order = FleetOrder(id="ab_-12", turn=3, ask="drain", what="nodes/s1", by="ana (1)", why=why)
    word = Announcement(name="lb1", services=("nodes",), digest=SAID)
    entry = replace(word, wheel=orders.tags(takes=True, orders=[order])).endpoint("10.0.0.9")
    alone = registrar.spare(entry)
    with Holding(registrar, entry) as holding:
        holding.held(deadline=30)
        found = read(registry.members[0].members(), settings(registry)).endpoints
        told = FleetWord.read(found["_agents", registry.members[0].name])
        assert (told.orders, told.problem) == ((order,), None)
        assert registrar.spare(entry) == alone - len("role") - 40 - 4
    assert registrar.spare(replace(entry, tags=(*entry.tags, ("x", "y" * 512)))) < 0


def test_a_members_role_counts_beside_it() -> None:
    ours = {TAG: "1", "role": "backend"}
    member = Member(name="m", address="10.0.0.7", port=7946, status="alive", tags=ours)
    assert set(read([member], SerfSettings()).endpoints) == {("_agents", "m"), ("nodes", "m")}
