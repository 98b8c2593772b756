"""The agent's own announcement: what it acknowledges and when, and that it disturbs nothing."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lbdisc import Change, Endpoint, Rendered, Snapshot
from lbdisc.agent.presence import Presence
from lbdisc.builtin.command.reloader import CommandReloader, CommandSettings
from lbdisc.errors import ApplyError, RegistrarError
from lbdisc.events import AcknowledgementsFull, AgentNotAnnounced, DrainAcknowledged, Event
from lbdisc.generation import Generation
from lbdisc.handshake import ROOM, Announcement, begun, token
from lbdisc.settings.tables import AgentSettings
from lbdisc.testing.waiting import eventually
from support.ledger import Ledger

PACE = AgentSettings(retry_first=0.01, retry_most=0.02)


def web(name: str = "one", service: str = "web") -> Endpoint:
    return begun(Endpoint(service=service, name=name, address="10.0.0.1", port=3000), "aaaa")


def agent(ledger: Ledger) -> Announcement | None:
    return Announcement.read(ledger.entry) if ledger.entry else None


class Sessions(CommandReloader):
    """A reloader that knows which endpoints are free of sessions, or raises ``error``."""

    def __init__(self) -> None:
        super().__init__(CommandSettings(reload="true"))
        self.free: set[Endpoint] = set()
        self.asked: list[Sequence[Endpoint]] = []
        self.error: Exception | None = None

    def drained(self, endpoints: Sequence[Endpoint]) -> Collection[Endpoint]:
        self.asked.append(endpoints)
        if self.error is not None:
            raise self.error
        return self.free & set(endpoints)


class Desk:
    """A presence, and what the agent would do with it; every look comes a second after the last."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.sessions = Sessions()
        self.now = 0.0
        self.told: list[Event] = []
        self.presence = Presence(
            self.ledger,
            name="lb1",
            services=("web",),
            pace=PACE,
            tell=self.told.append,
            clock=lambda: self.now,
        )

    def look(
        self,
        registry: Snapshot,
        running: Snapshot | None = None,
        left_out: Collection[tuple[str, str]] = (),
        apart: Sequence[Endpoint] = (),
    ) -> None:
        snapshot = registry.only(["web"]) if running is None else running
        generation = Generation(number=1, snapshot=snapshot, rendered=Rendered(""), change=Change())
        self.now += 1.0
        self.presence.look(registry, generation, self.sessions, left_out=left_out, apart=apart)

    def drained(self) -> tuple[str, ...] | None:
        found = agent(self.ledger)
        return found.drained if found else None

    def services(self) -> tuple[str, ...] | None:
        found = agent(self.ledger)
        return found.services if found and found.name == "lb1" else None

    def says(self, *drained: Endpoint) -> None:
        wanted = tuple(map(token, drained))
        eventually(lambda: self.drained() == wanted, what=f"{len(drained)} drained")


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.presence.leave()
    made.presence.join(30)


def test_it_is_announced_with_the_first_generation(desk: Desk) -> None:
    desk.presence.look(Snapshot(), None, desk.sessions)
    assert desk.ledger.opened == 0
    desk.look(Snapshot())
    eventually(lambda: desk.services() == ("web",))
    assert desk.presence.due is None


def test_an_endpoint_is_acknowledged_once_no_session_is_left(desk: Desk) -> None:
    registry = Snapshot.of([web(), web("two")])
    desk.look(registry)
    assert desk.presence.due is not None
    desk.sessions.free = {web("two")}
    desk.look(registry)
    desk.says(web("two"))
    desk.sessions.free = {web(), web("two")}
    desk.look(registry)
    desk.says(web(), web("two"))
    assert desk.presence.due is None


def test_an_endpoint_counts_only_as_it_runs(desk: Desk) -> None:
    desk.sessions.free = {web()}
    desk.look(Snapshot.of([web()]), Snapshot.of([begun(web(), "bbbb")]))
    assert desk.sessions.asked == []
    assert desk.presence.due is not None
    desk.look(Snapshot.of([web()]))
    desk.says(web())


def test_who_is_left_out_is_acknowledged_once_no_session_is_left(desk: Desk) -> None:
    registry, out = Snapshot.of([web()]), [web().key]
    desk.look(registry, Snapshot(), out)
    desk.says()
    desk.sessions.free = {web()}
    desk.look(registry, Snapshot(), out)
    desk.says(web())


def test_who_is_refused_and_runs_as_it_was_is_not_acknowledged(desk: Desk) -> None:
    desk.sessions.free = {web()}
    before = replace(web(), state="ready")
    desk.look(Snapshot.of([web()]), Snapshot.of([before]), [web().key])
    assert desk.sessions.asked == []
    desk.look(Snapshot.of([web()]), Snapshot.of([replace(web(), weight=7)]), [web().key])
    desk.says(web())


def test_a_service_that_is_not_balanced_has_nothing_to_drain(desk: Desk) -> None:
    other = web(service="api")
    desk.look(Snapshot.of([other]))
    desk.says(other)
    assert desk.sessions.asked == []


def test_an_acknowledgement_lasts_as_long_as_the_drain(desk: Desk) -> None:
    desk.sessions.free = {web()}
    desk.look(Snapshot.of([web()]))
    desk.says(web())
    desk.look(Snapshot())
    desk.says()
    desk.sessions.free = set()
    desk.look(Snapshot.of([web()]))
    desk.says()


def test_more_than_there_is_room_for_take_turns(desk: Desk) -> None:
    many = [web(f"n{number:03}") for number in range(ROOM + 5)]
    desk.sessions.free = set(many)
    desk.look(Snapshot.of(many))
    desk.says(*many[:ROOM])
    full = [event for event in desk.told if isinstance(event, AcknowledgementsFull)]
    assert full == [AcknowledgementsFull(drained=ROOM + 5, room=ROOM)]
    desk.look(Snapshot.of(many[10:]))
    desk.says(*many[10:])


def test_an_entry_whose_address_is_anothers_is_let_go_once_it_does_not_run(desk: Desk) -> None:
    newer = Snapshot.of([replace(web("newer"), state="ready", tags=())])
    desk.look(newer, Snapshot.of([*newer.endpoints, web()]), apart=[web()])
    desk.says()
    desk.look(newer.patched((), ()), newer, apart=[web()])
    desk.says(web())


def test_what_an_operator_drains_takes_no_room(desk: Desk) -> None:
    parked = [replace(web(f"n{number:03}"), tags=()) for number in range(ROOM + 5)]
    desk.sessions.free = {web(), *parked}
    desk.look(Snapshot.of([*parked, web()]))
    desk.says(web())


def test_looks_are_rare_while_they_take_long(desk: Desk) -> None:
    class Slow(Sessions):
        def drained(self, endpoints: Sequence[Endpoint]) -> Collection[Endpoint]:
            desk.now += 0.5
            return ()

    desk.sessions = Slow()
    desk.look(Snapshot.of([web()]))
    assert desk.presence.due == desk.now + 2.5


@pytest.mark.parametrize("error", [ApplyError("no HAProxy"), AttributeError("drained")])
def test_a_reloader_that_cannot_tell_disturbs_nothing(desk: Desk, error: Exception) -> None:
    desk.sessions.error = error
    desk.look(Snapshot.of([web()]))
    desk.says()
    desk.sessions.error, desk.sessions.free = None, {web()}
    desk.look(Snapshot.of([web()]))
    desk.says(web())


def test_a_registry_that_refuses_it_is_told_once_counted_and_tried_again(desk: Desk) -> None:
    desk.ledger.trouble = RegistrarError("read-only")
    desk.look(Snapshot())
    eventually(lambda: desk.ledger.opened > 2)
    desk.ledger.trouble = None
    eventually(lambda: desk.ledger.entry)
    told = [event for event in desk.told if isinstance(event, AgentNotAnnounced)]
    assert [event.again for event in told[:2]] == [False, True]
    assert [event.times for event in told] == list(range(1, len(told) + 1))


def test_a_name_that_another_agent_has_is_told(desk: Desk) -> None:
    desk.ledger.rival = "lease 7"
    desk.look(Snapshot())
    eventually(lambda: desk.told)
    assert desk.told == [
        AgentNotAnnounced(error="another agent holds the name lb1 (lease 7): set agent.name")
    ]


def test_what_it_acknowledges_is_told(desk: Desk) -> None:
    desk.sessions.free = {web()}
    desk.look(Snapshot.of([web()]))
    told = [event for event in desk.told if isinstance(event, DrainAcknowledged)]
    assert [event.endpoints for event in told] == [(web(),)]


def test_new_settings_change_its_services_in_place(desk: Desk) -> None:
    desk.look(Snapshot())
    assert desk.presence.changed(("web", "api"), None) is desk.presence
    eventually(lambda: desk.services() == ("web", "api"))
    assert desk.ledger.opened == 1


def test_another_registry_is_joined_after_this_one_was_left(desk: Desk) -> None:
    desk.look(Snapshot())
    eventually(lambda: desk.ledger.entry)
    other = Presence()
    assert desk.presence.changed(("web",), other) is other
    assert desk.ledger.entry is None


def test_without_a_registrar_nothing_happens(tmp_path: Path) -> None:
    desk = Desk()
    desk.presence = Presence()
    desk.look(Snapshot.of([web()]))
    assert (desk.presence.due, desk.sessions.asked) == (None, [])
