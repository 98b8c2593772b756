"""The drain handshake: what agents say, and how an endpoint that stops waits for them."""

import time
from collections.abc import Callable
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Event, Thread

import pytest

from lbdisc import Endpoint, Publish, Snapshot, events, handshake
from lbdisc.builtin.journal.journal import line
from lbdisc.errors import DiscoveryError, SettingsError
from lbdisc.fleet import Digest
from lbdisc.handshake import Announcement, Progress, agents, begun, progress, token
from lbdisc.hooks import Discovery
from lbdisc.register.draining import ANSWER, AgentsDrain
from lbdisc.settings.tables import AgentSettings
from lbdisc.testing.waiting import eventually
from lbdisc.values import MAX_TAGS
from lbdisc_serf import tags as serf

WEB = Endpoint(service="web", name="one", address="10.0.0.1", port=3000)
DRAINING = begun(WEB, "aaaa")
PACE = AgentSettings(retry_first=0.01, retry_most=0.02)
FAR = 3600.0  # seconds; never reached
SAID = Digest(listed="abcde", settings="abcde", version="1", since=1_800_000_000)
Step = Snapshot | Exception


def listed(*found: Announcement) -> Snapshot:
    return Snapshot.of([DRAINING, *(agent.endpoint("10.0.0.9") for agent in found)])


def lb(name: str, *over: Endpoint, services: tuple[str, ...] = ("web",)) -> Announcement:
    drained = tuple(map(token, over))
    return Announcement(name=name, services=services, drained=drained, digest=SAID)


def test_each_drain_of_an_endpoint_has_its_own_token() -> None:
    assert token(DRAINING) == token(replace(DRAINING, address="10.0.0.2"))
    others = [begun(WEB, "bbbb"), begun(replace(WEB, name="two"), "aaaa"), WEB.drain()]
    assert len({token(DRAINING), *map(token, others)}) == 4


def test_a_drain_that_finds_no_room_for_its_tag_makes_it() -> None:
    full = replace(WEB, tags=tuple((f"t{n}", "") for n in range(MAX_TAGS)))
    drained = begun(full, "aaaa")
    assert (len(drained.tags), drained.tag(handshake.DRAIN_TAG)) == (MAX_TAGS, "aaaa")


def test_a_drain_has_room_among_tags_that_take_all_there_is() -> None:
    full = replace(WEB, tags=tuple((f"t{n}", "x" * 1022) for n in range(8)))
    assert handshake.begun(full, "aaaa").tag(handshake.DRAIN_TAG) == "aaaa"


def test_nobody_waits_for_an_endpoint_that_an_operator_drains() -> None:
    assert progress(WEB.drain(), [lb("lb1")]) == Progress()


def test_an_agent_without_room_for_an_acknowledgement_says_so() -> None:
    many = [begun(WEB, f"{n:04}") for n in range(handshake.ROOM + 1)]
    agent = Announcement.read(lb("lb1", *many).endpoint("10.0.0.9"))
    assert progress(many[-1], [agent]) == Progress(waiting=("lb1",), full=("lb1",))
    assert progress(many[0], [agent]) == Progress(done=("lb1",))


def test_an_agent_is_read_as_it_was_written() -> None:
    agent = lb("lb1", DRAINING, WEB.drain(), services=("api", "web"))
    assert Announcement.read(agent.endpoint("10.0.0.9")) == agent
    assert Announcement.read(lb("lb1").endpoint("10.0.0.9")) == lb("lb1")


@pytest.mark.parametrize("text", ["", ",", "x", "\u00fc" * 9, "a" * 1000])
def test_odd_tags_of_an_agent_acknowledge_nothing(text: str) -> None:
    tags = ((handshake.DRAINED_TAG, text), (handshake.SERVICES_TAG, "web"))
    odd = replace(lb("lb1").endpoint("10.0.0.9"), tags=tags)
    assert progress(DRAINING, agents(Snapshot.of([odd]))) == Progress(silent=("lb1",))


def test_what_an_agent_says_fits_into_the_tags_of_a_serf_member() -> None:
    many = [begun(WEB, f"{n:04}") for n in range(100)]
    services = ("s" * handshake.SERVICES_ROOM,)
    digest = Digest(listed="abcde", settings="abcde", version="0.10.0rc", since=2_000_000_000)
    agent = replace(lb("lb1", *many, services=services), digest=digest, full=True)
    entry = agent.endpoint("10.0.0.9")
    assert Announcement.read(entry).digest == digest
    assert len(Announcement.read(entry).drained) == handshake.ROOM
    serf.check_size({"role": "balancer", serf.tag_name(entry.service): serf.write(entry)})


def test_an_agent_of_more_services_than_it_can_name_counts_for_all() -> None:
    services = tuple(f"service-{n}" for n in range(100))
    agent = Announcement.read(Announcement(name="lb1", services=services).endpoint("10.0.0.9"))
    assert agent.balances("web")


def test_only_agents_that_balance_the_service_and_do_not_leave_count() -> None:
    leaving = lb("lb4").endpoint("10.0.0.9").drain()
    found = listed(lb("lb1", DRAINING), lb("lb2"), lb("lb3", services=("api",)))
    snapshot = Snapshot.of([*found.endpoints, leaving])
    assert progress(DRAINING, agents(snapshot)) == Progress(done=("lb1",), waiting=("lb2",))


def silent(name: str, **tags: str) -> Endpoint:
    """An entry that never said what it lists."""
    return replace(lb(name).endpoint("10.0.0.9"), tags=tuple(tags.items()))


def test_who_never_said_what_it_lists_is_silent_unless_it_acknowledges() -> None:
    odd = [silent("z1"), silent("z2", services="web"), silent("z3", drained=token(DRAINING))]
    found = progress(DRAINING, agents(Snapshot.of([DRAINING, *odd])))
    assert found == Progress(done=("z3",), silent=("z1", "z2"))


def test_a_copy_of_an_agents_entry_under_another_name_says_nothing() -> None:
    copy = replace(lb("lb1").endpoint("10.0.0.9"), name="lb9")
    found = progress(DRAINING, agents(Snapshot.of([*listed(lb("lb1")).endpoints, copy])))
    assert found == Progress(waiting=("lb1",), silent=("lb9",))


class Script:
    """A discovery that publishes, or raises, what the test puts in."""

    def __init__(self, *steps: Step) -> None:
        self.steps: SimpleQueue[Step] = SimpleQueue()
        self.stopped = Event()
        for step in steps:
            self.steps.put(step)

    def watch(self, publish: Publish, stop: Event) -> None:
        while not stop.is_set():
            try:
                step = self.steps.get(timeout=0.01)
            except Empty:
                continue
            if isinstance(step, Exception):
                raise step
            publish(step)
        self.stopped.set()


def waits(
    discovery: Discovery | Callable[[], Discovery],
    *,
    limit: float = FAR,
    hurry: Event | None = None,
    tell: Callable[[events.Event], None] = lambda event: None,
) -> Thread:
    """A thread in which a drain is waited for."""
    make = discovery if callable(discovery) else lambda: discovery
    drain = AgentsDrain(make, PACE, tell)
    arguments = (DRAINING, time.monotonic() + limit, hurry or Event())
    thread = Thread(target=drain.wait, args=arguments, daemon=True)
    thread.start()
    return thread


def ends(thread: Thread) -> None:
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    "found",
    [listed(), listed(lb("lb1", DRAINING)), listed(lb("lb1", services=("api",)))],
    ids=["no agent", "all done", "none concerned"],
)
def test_it_is_over_at_once_where_nobody_is_left_to_wait_for(found: Snapshot) -> None:
    script = Script(found)
    ends(waits(script))
    assert script.stopped.wait(30)


def test_it_waits_for_each_agent() -> None:
    script = Script(listed(lb("lb1"), lb("lb2")))
    thread = waits(script)
    script.steps.put(listed(lb("lb1", DRAINING), lb("lb2", begun(WEB, "old!"))))
    eventually(script.steps.empty)
    assert thread.is_alive()
    script.steps.put(listed(lb("lb1", DRAINING), lb("lb2", DRAINING)))
    ends(thread)


def among(*made_up: Endpoint, real: Announcement | None = None) -> Snapshot:
    return Snapshot.of([*listed(*([real] if real else [])).endpoints, *made_up])


def test_what_never_answered_is_not_waited_for_and_named() -> None:
    told: list[events.Event] = []
    ends(waits(Script(among(silent("z1"), silent("z2"))), tell=told.append))
    assert told == [events.SilentPassedOver(agents=("z1", "z2"))]


def test_what_never_answered_shortens_no_wait_for_an_agent() -> None:
    liar = silent("z2", drained=token(DRAINING))
    script = Script(among(silent("z1"), liar, real=lb("lb1")))
    thread = waits(script)
    eventually(script.steps.empty)
    thread.join(2 * ANSWER)
    assert thread.is_alive()
    script.steps.put(among(silent("z1"), liar, real=lb("lb1", DRAINING)))
    ends(thread)


def test_an_agent_whose_entry_is_overwritten_is_waited_for() -> None:
    told: list[events.Event] = []
    script = Script(listed(lb("lb1")), among(silent("lb1")))
    ends(waits(script, limit=1.0, tell=told.append))
    assert events.DrainGivenUp(gone=("lb1",)) in told


def test_ten_thousand_made_up_agents_make_a_short_message() -> None:
    told: list[events.Event] = []
    many = [silent(f"z{number:05}") for number in range(10_000)]
    ends(waits(Script(among(*many, real=lb("lb1", DRAINING))), tell=told.append))
    assert told[-1] == events.DrainDone(by=("lb1",))
    [passed_over] = [e for e in told if isinstance(e, events.SilentPassedOver)]
    assert dict(line(passed_over))["agents"].endswith("z00009 and 9990 more")


def test_an_agent_that_takes_leave_is_not_waited_for() -> None:
    goodbye = listed(lb("lb2", DRAINING)).endpoints
    goodbye += (lb("lb1").endpoint("10.0.0.9").drain(),)
    ends(waits(Script(listed(lb("lb1"), lb("lb2")), Snapshot.of(goodbye))))


def test_an_agent_that_vanishes_is_waited_for_and_named_when_given_up() -> None:
    told: list[events.Event] = []
    script = Script(listed(lb("lb1"), lb("lb2"), lb("lb3", DRAINING)), listed(lb("lb2")))
    ends(waits(script, limit=0.5, tell=told.append))
    assert told[-1] == events.DrainGivenUp(waiting=("lb2",), gone=("lb1",))


def test_an_agent_that_is_restarted_has_to_acknowledge() -> None:
    script = Script(listed(lb("lb1")), listed(), listed())
    thread = waits(script)
    eventually(script.steps.empty)
    assert thread.is_alive()
    script.steps.put(listed(lb("lb1")))
    script.steps.put(listed(lb("lb1", DRAINING)))
    ends(thread)


def test_an_agent_that_had_let_go_may_leave() -> None:
    both = listed(lb("lb1", DRAINING), lb("lb2"))
    ends(waits(Script(both, listed(lb("lb2")), listed(lb("lb2", DRAINING)))))


def test_it_ends_at_the_deadline() -> None:
    ends(waits(Script(listed(lb("lb1"))), limit=0.05))


def test_it_ends_when_hurried() -> None:
    hurry = Event()
    thread = waits(Script(listed(lb("lb1"))), hurry=hurry)
    hurry.set()
    ends(thread)


def test_a_registry_that_is_lost_meanwhile_is_asked_again() -> None:
    lost = DiscoveryError("connection refused")
    ends(waits(Script(listed(lb("lb1")), lost, lost, listed(lb("lb1", DRAINING)))))


def test_a_registry_that_says_nothing_is_waited_for_until_the_deadline() -> None:
    told: list[events.Event] = []
    ends(waits(Script(), limit=0.05, tell=told.append))
    unsure = events.DrainUnsure(error="the registry did not say which load balancers there are")
    assert told == [unsure]


@pytest.mark.parametrize("error", [SettingsError("not allowed"), ZeroDivisionError("a bug")])
def test_agents_that_cannot_be_seen_are_not_waited_for(error: Exception) -> None:
    ends(waits(Script(error)))


def test_a_discovery_that_cannot_be_made_is_not_waited_for() -> None:
    def make() -> Discovery:
        raise SettingsError("no such backend")

    ends(waits(make))
