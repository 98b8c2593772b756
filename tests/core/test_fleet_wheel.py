"""Agents that share a registry give each other orders: their wheels, without a load balancer."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lbdisc import Change, Endpoint, Rendered, Snapshot, events
from lbdisc.agent.fleet_reading import OF_ONE
from lbdisc.agent.fleet_wheel import FleetWheel
from lbdisc.agent.presence import Presence
from lbdisc.agent.status import Status
from lbdisc.agent.steering import Steering
from lbdisc.builtin.command.reloader import CommandReloader, CommandSettings
from lbdisc.errors import LbdiscError
from lbdisc.fleet import Digest
from lbdisc.fleet_orders import MOST, FleetOrder, tags
from lbdisc.generation import Generation
from lbdisc.handshake import Announcement
from lbdisc.orders import OperatorOrder, OrderReply
from lbdisc.settings.tables import AgentSettings
from lbdisc.state.store import Store
from lbdisc.testing.waiting import eventually
from support.ledger import Ledger

PACE = AgentSettings(retry_first=0.01, retry_most=0.02)
SAID = Digest(listed="abcde", settings="abcde", version="1", since=1_800_000_000)
RELOADER = CommandReloader(CommandSettings(reload="true"))
RUNNING = Generation(number=1, snapshot=Snapshot(), rendered=Rendered(""), change=Change())
DRAIN = OperatorOrder(ask="drain", what="nodes/s1", why="its disk", for_s=600.0)
UNDO = OperatorOrder(ask="undo", what="nodes/s1")


def unrendered() -> None:
    raise LbdiscError("nothing is rendered here")


class Roomy(Ledger):
    """A registry whose entries have so many bytes at most."""

    most = 10_000

    def spare(self, entry: Endpoint) -> int:
        return self.most - sum(len(name) + len(text) for name, text in entry.tags)


class Balancer:
    """An agent's wheel: what it is told, and what it has done."""

    def __init__(self, folder: Path, name: str, *, on: bool = True) -> None:
        folder.mkdir(exist_ok=True)
        self.name, self.on, self.now = name, on, 0.0
        self.ledger = Roomy()
        self.told: list[events.Event] = []
        self.presence = Presence(
            self.ledger, name=name, services=("nodes",), pace=PACE, tell=self.told.append
        )
        store = Store(folder)
        bringing: Any = SimpleNamespace(
            running=None,
            stands_still=False,
            desired=SimpleNamespace(
                pin=lambda pin: None, snapshot=Snapshot(), served=Snapshot(), rendered=unrendered
            ),
            go_on=lambda cause: None,
        )
        self.steering = Steering(
            store,
            self.told.append,
            bringing=bringing,
            reloader=RELOADER,
            status=Status(store),
            clock=lambda: self.now,
        )
        self.wheel = FleetWheel(
            self.steering, self.told.append, lambda: self.presence, clock=lambda: self.now
        )

    def turn(self, published: Snapshot) -> None:
        self.wheel.turn(published, on=self.on)
        self.presence.look(published, RUNNING, RELOADER)
        self.steering.turn()

    @property
    def overruled(self) -> dict[str, str]:
        """Who is, and by whom."""
        found = self.steering._now.overrides.all
        return {"/".join(each.key): each.term.by for each in found}

    def of(self, kind: type[events.Event]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]


class Room:
    """A registry in memory."""

    def __init__(self, *balancers: Balancer) -> None:
        self.balancers = [*balancers]
        self.others: list[Endpoint] = []

    @property
    def published(self) -> Snapshot:
        own = [b.ledger.entry for b in self.balancers if b.ledger.entry is not None]
        return Snapshot.of([*own, *self.others])

    def until(self, probe: Callable[[], object], what: str = "") -> None:
        """Turn all wheels until that is so."""

        def turned() -> object:
            for balancer in self.balancers:
                balancer.turn(self.published)
            return probe()

        eventually(turned, what=what)

    def answers(self, reply: OrderReply) -> dict[str, tuple[str, str]]:
        found = self.balancers[0].wheel.answers(reply.order)
        return {one.agent: (one.answer, one.why) for one in found.agents}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(Balancer(tmp_path / "lb1", "lb1"), Balancer(tmp_path / "lb2", "lb2"))
    with ExitStack() as stack:
        for balancer in made.balancers:
            stack.callback(balancer.presence.leave)
        made.until(lambda: not any(b.presence.not_announced for b in made.balancers))
        made.until(lambda: len(made.published) == 2)
        yield made


def test_an_order_is_taken_by_the_others_with_who_gave_it_and_where(room: Room) -> None:
    first, second = room.balancers
    reply = first.wheel.give(DRAIN, "ana (1000)")
    assert (reply.done, first.overruled) == (True, {"nodes/s1": "ana (1000), fleet"})
    room.until(lambda: room.answers(reply) == {"lb2": ("taken", "")})
    assert second.overruled == {"nodes/s1": "ana (1000) at lb1, fleet"}
    (taken,) = second.of(events.FleetOrderTaken)
    assert (taken.order, taken.agent, taken.by, taken.why) == (
        reply.order,
        "lb1",
        "ana (1000)",
        "its disk",
    )
    assert first.wheel.answers(reply.order).told
    assert [given.order for given in first.of(events.FleetOrderGiven)] == [reply.order]


def test_what_was_undone_here_stays_so_though_the_order_is_published_on(
    room: Room, tmp_path: Path
) -> None:
    first, second = room.balancers
    reply = first.wheel.give(DRAIN, "ana (1000)")
    room.until(lambda: second.overruled)
    assert second.steering.obey(UNDO, "eve (1001)").done
    room.until(lambda: room.answers(reply) == {"lb2": ("taken", "")})
    again = Balancer(tmp_path / "lb2", "lb2")
    again.wheel.turn(room.published, on=True)
    assert (second.overruled, again.overruled) == ({}, {})


def test_an_undo_given_elsewhere_is_newer(room: Room) -> None:
    first, second = room.balancers
    first.wheel.give(DRAIN, "ana (1000)")
    room.until(lambda: second.overruled)
    second.wheel.give(UNDO, "eve (1001)")
    room.until(lambda: first.overruled == second.overruled == {})
    late = first.wheel.give(UNDO, "ana (1000)")
    assert (late.done, late.text) == (True, "nodes/s1 is not overruled here")
    room.until(lambda: room.answers(late) == {"lb2": ("taken", "nothing to do there")})


def test_pause_and_resume_go_to_all(room: Room) -> None:
    first, second = room.balancers
    first.wheel.give(OperatorOrder(ask="pause", why="deploy"), "ana (1000)")
    room.until(lambda: second.of(events.ApplyingPaused))
    second.wheel.give(OperatorOrder(ask="resume"), "eve (1001)")
    room.until(lambda: first.of(events.ApplyingResumed))
    assert first.of(events.ApplyingResumed)[0].by == "eve (1001) at lb2, fleet"


def test_an_agent_where_it_is_off_refuses_for_good_and_says_so(room: Room) -> None:
    first, second = room.balancers
    second.on = False
    room.until(lambda: room.published.endpoints[1].tag("w") == "0")
    first.turn(room.published)
    reply = first.wheel.give(DRAIN, "ana (1000)")
    off = ("refused", "agent.fleet_orders is off there")
    assert room.answers(reply) == {"lb2": off}
    room.until(lambda: second.of(events.FleetOrderRefused))
    second.on = True
    room.until(
        lambda: room.answers(reply) == {"lb2": off} and first.wheel.answers(reply.order).told
    )
    assert second.overruled == {}


def test_who_does_not_take_orders_gives_none(room: Room) -> None:
    first, _ = room.balancers
    first.on = False
    first.turn(room.published)
    assert "agent.fleet_orders is off here" in first.wheel.give(DRAIN, "ana (1000)").text
    unknown = OperatorOrder(ask="guard.hold", what="nodes")
    assert "is for one agent" in first.wheel.give(unknown, "ana (1000)").text
    assert first.overruled == {}


def test_an_agent_that_nobody_lists_asks_nobody(tmp_path: Path) -> None:
    alone = Balancer(tmp_path, "lb1")
    alone.wheel.turn(None, on=True)
    assert "does not list this agent (not yet)" in alone.wheel.give(DRAIN, "ana (1000)").text
    assert alone.overruled == {}


def test_older_agents_do_not_answer_and_what_is_no_agent_is_passed_over(room: Room) -> None:
    older = Announcement(name="lb3", services=("nodes",), digest=SAID)
    fake, other = replace(older, name="lb4", digest=None), replace(older, services=("api",))
    room.others = [each.endpoint("10.0.0.9") for each in (older, fake, replace(other, name="lb5"))]
    first = room.balancers[0]
    first.turn(room.published)
    found = room.answers(first.wheel.give(DRAIN, "ana (1000)"))
    assert found["lb3"] == ("silent", "an older version")
    assert found["lb4"] == ("passed over", "nothing tells that it is an agent")
    assert "lb5" not in found


def test_where_there_is_no_room_nothing_is_done(room: Room) -> None:
    first, second = room.balancers
    first.ledger.most = 290
    reply = first.wheel.give(replace(DRAIN, why="w" * 200), "ana (1000)")
    assert (reply.done, first.overruled) == (False, {})
    assert "give a shorter --why" in reply.text
    assert first.wheel.give(DRAIN, "ana (1000)").done
    crowded = first.wheel.give(replace(DRAIN, what="nodes/s2"), "ana (1000)")
    assert "beside those of the last minute: wait" in crowded.text
    assert first.wheel.give(UNDO, "ana (1000)").done
    room.until(lambda: second.of(events.FleetOrderTaken))


def hostile(*orders: FleetOrder, name: str = "lb9") -> Endpoint:
    word = Announcement(name=name, services=("nodes",), digest=SAID)
    return replace(word, wheel=tags(takes=True, orders=orders)).endpoint("10.0.0.9")


def test_bad_orders_are_a_problem_and_harm_no_good_one(room: Room) -> None:
    first, second = room.balancers
    bad = hostile()
    room.others = [replace(bad, tags=(*bad.tags, ("o.x", "["), ("o.abcdef", "[" * 99)))]
    first.wheel.give(DRAIN, "ana (1000)")
    room.until(lambda: second.overruled and second.wheel.problems)
    assert second.overruled.keys() == {"nodes/s1"}
    assert [problem.where for problem in second.wheel.problems] == ["_agents/lb9"]
    second.on = False
    second.turn(room.published)
    assert second.wheel.problems == ()


def test_a_flood_of_orders_waits_and_others_do_not(room: Room) -> None:
    first, second = room.balancers
    for batch in range(OF_ONE // MOST + 1):
        ids = [f"{batch}_{number:04}" for number in range(MOST)]
        some = [FleetOrder(id=id, turn=1, ask="drain", what=f"nodes/x{id}") for id in ids]
        room.others = [hostile(*some)]
        second.turn(room.published)
    assert len(second.overruled) == OF_ONE
    first.wheel.give(DRAIN, "ana (1000)")
    room.until(lambda: "nodes/s1" in second.overruled)
    second.now += 61.0
    second.turn(room.published)
    assert len(second.overruled) == OF_ONE + MOST + 1


def test_an_order_is_published_on_by_an_agent_that_restarts(room: Room, tmp_path: Path) -> None:
    first, _ = room.balancers
    reply = first.wheel.give(DRAIN, "ana (1000)")
    room.until(lambda: first.wheel.answers(reply.order).told)
    again = Balancer(tmp_path / "lb1", "lb1")
    again.wheel.turn(None, on=True)
    assert reply.order in str(again.presence.own.wheel)
    assert again.overruled == {"nodes/s1": "ana (1000), fleet"}
