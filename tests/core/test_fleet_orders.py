"""Orders in the agents' entries: read strictly, whoever wrote them, and the same from all sides."""

import json
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdisc import Endpoint, Snapshot
from lbdisc.agent import fleet_merging as merging
from lbdisc.agent.fleet_giving import as_now
from lbdisc.errors import EntryError
from lbdisc.fleet import Digest
from lbdisc.fleet_orders import (
    ANSWERS,
    ANSWERS_TAG,
    ASKS,
    LATEST,
    MOST,
    ORDER_TAG,
    TAKEN,
    FleetOrder,
    FleetWord,
    concerns,
    covers,
    said,
    tags,
)
from lbdisc.handshake import ROOM, Announcement, begun, fitted, token
from lbdisc.state.fleet_memory import OWN, REMEMBERED, FleetMemory, GivenOrder, HeardOrder
from lbdisc_serf import tags as serf

DRAIN = FleetOrder(
    id="abc_-1", turn=5, ask="drain", what="nodes/s1", for_s=1800, by="ana (1000)", why="its disk"
)
SAID = Digest(listed="abcde", settings="abcde", version="1", since=1_800_000_000)
Key = tuple[str, str]


def lb(name: str = "lb1", *orders: FleetOrder, services: tuple[str, ...] = ("nodes",)) -> Endpoint:
    word = Announcement(name=name, services=services, digest=SAID)
    return replace(word, wheel=tags(takes=True, orders=orders)).endpoint("10.0.0.9")


def with_tags(entry: Endpoint, **more: str) -> Endpoint:
    return replace(entry, tags=tuple({**dict(entry.tags), **more}.items()))


def heard(order: FleetOrder, agent: str = "lb1", answer: str = TAKEN) -> HeardOrder:
    its = {"turn": order.turn, "ask": order.ask, "what": order.what}
    return HeardOrder(agent=agent, id=order.id, answer=answer, **its)  # type: ignore[arg-type]


orders = st.builds(
    FleetOrder,
    id=st.from_regex(r"[A-Za-z0-9_-]{6}", fullmatch=True),
    turn=st.integers(0, LATEST),
    ask=st.just("drain"),
    what=st.sampled_from(["nodes/s1", "web/a.b-c"]),
    for_s=st.none() | st.integers(1, 86400),
    by=st.text(max_size=80),
    why=st.text(max_size=300),
)


@given(orders)
def test_an_order_is_read_as_it_was_written_and_has_no_odd_signs(order: FleetOrder) -> None:
    name, text = order.tag
    assert FleetOrder.read(name.removeprefix(ORDER_TAG), text) == order
    assert (text.isprintable(), order.why.isprintable()) == (True, True)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        "drain",
        [5, "drain", "nodes/s1", None, None, "ana"],
        [5, "drain", "nodes/s1", None, None, "ana", "", "more"],
        [-1, "drain", "nodes/s1", None, None, "ana", ""],
        [True, "drain", "nodes/s1", None, None, "ana", ""],
        [LATEST + 1, "drain", "nodes/s1", None, None, "ana", ""],
        [5, "pin", "17", None, None, "ana", ""],
        [5, ["drain"], "nodes/s1", None, None, "ana", ""],
        [5, "drain", "", None, None, "ana", ""],
        [5, "drain", "nodes/s1/x", None, None, "ana", ""],
        [5, "drain", "nodes/\u202es1", None, None, "ana", ""],
        [5, "drain", ["nodes/s1"], None, None, "ana", ""],
        [5, "pause", "nodes/s1", None, None, "ana", ""],
        [5, "drain", "nodes/s1", 0, None, "ana", ""],
        [5, "drain", "nodes/s1", 1e300, None, "ana", ""],
        [5, "drain", "nodes/s1", "60", None, "ana", ""],
        [5, "undo", "nodes/s1", 60, None, "ana", ""],
        [5, "drain", "nodes/s1", None, 7, "ana", ""],
        [5, "weight", "nodes/s1", None, 257, "ana", ""],
        [5, "weight", "nodes/s1", None, None, "ana", ""],
        [5, "drain", "nodes/s1", None, None, 7, ""],
        [5, "drain", "nodes/s1", None, None, "ana", {"x": [1]}],
    ],
)
def test_what_is_no_order_is_the_entrys_problem_and_the_others_stay(parts: object) -> None:
    odd = {f"{ORDER_TAG}xxxxxx": json.dumps(parts)}
    word = FleetWord.read(with_tags(lb("lb1", DRAIN), **odd))
    assert (word.orders, word.strange) == ((DRAIN,), ("xxxxxx",))
    assert word.problem is not None
    assert word.problem.where == "_agents/lb1"


@pytest.mark.parametrize("text", ["", "{", "[" * 900, "1" * 900, '[1e999,"drain"]', "\u00fc" * 900])
@pytest.mark.parametrize("name", [f"{ORDER_TAG}abcdef", ORDER_TAG + "x", ANSWERS_TAG, "w"])
def test_nothing_in_an_entry_raises(name: str, text: str) -> None:
    word = FleetWord.read(with_tags(lb(), **{name: text}))
    assert word.orders == ()
    assert len(word.answers) <= ANSWERS


def test_a_copy_of_an_agents_entry_orders_nothing() -> None:
    word = FleetWord.read(replace(lb("lb1", DRAIN), name="lb9"))
    assert word.orders == ()
    assert "no agent's own" in str(word.problem)


def test_of_more_orders_than_an_agent_may_have_the_others_are_passed_over() -> None:
    many = [replace(DRAIN, id=f"id{n:04}", why="") for n in range(MOST + 5)]
    word = FleetWord.read(lb("lb1", *many))
    assert len(word.orders) == MOST
    assert f"at most {MOST}" in str(word.problem)


def test_the_newest_answers_are_published_and_an_unknown_one_is_no_consent() -> None:
    many = [(f"id{n:04}", TAKEN) for n in range(20)]
    word = FleetWord.read(with_tags(lb(), **dict(tags(takes=True, answers=many))))
    assert word.answers == dict(many[-ANSWERS:])
    assert said("?")[0] == "refused"


def test_an_endpoint_concerns_who_balances_it_and_a_pause_who_shares_a_service() -> None:
    one, other = Announcement(name="a", services=("web",)), Announcement(name="b", services=("x",))
    anybody, pause = Announcement(name="c"), FleetOrder(id="aaaaaa", turn=1, ask="pause")
    assert [concerns(DRAIN, one, its) for its in (one, anybody)] == [False, True]
    assert [concerns(pause, one, its) for its in (one, other, anybody)] == [True, False, True]


class Wheel:
    """What an agent makes of orders, by the rules and nothing else."""

    def __init__(self) -> None:
        self.memory = FleetMemory()
        self.how: dict[Key, str] = {}
        self.paused = False

    def hear(self, *entries: Endpoint) -> None:
        words = [FleetWord.read(entry) for entry in Snapshot.of(entries).endpoints]
        for word, order in merging.unheard(words, self.memory):
            if not merging.overtaken(order, self.memory):
                self._do(order, merging.spared(order, self.memory))
            self.memory = self.memory.having(heard(order, word.agent.name))

    def _do(self, order: FleetOrder, spare: frozenset[Key]) -> None:
        if order.key is None and order.ask == "undo":
            self.how = {key: how for key, how in self.how.items() if key in spare}
        elif order.key is None:
            self.paused = order.ask == "pause"
        elif order.ask == "undo":
            self.how.pop(order.key, None)
        else:
            self.how[order.key] = order.ask

    @property
    def state(self) -> tuple[dict[Key, str], bool]:
        return self.how, self.paused


asked = st.tuples(st.sampled_from([a for a in ASKS if a != "weight"]), st.sampled_from("ab"))


@given(st.lists(asked, min_size=1, max_size=4), st.data())
def test_agents_end_up_the_same_whatever_they_hear_first(
    some: list[tuple[str, str]], data: st.DataObject
) -> None:
    made = []
    for turn, (ask, name) in enumerate(some):
        about = "" if ask in ("pause", "resume") else f"nodes/{name}"
        if ask == "undo" and data.draw(st.booleans()):
            about = ""
        made.append(FleetOrder(id=f"id{turn:04}", turn=turn, ask=ask, what=about))
    entries = [lb(data.draw(st.sampled_from(["lb1", "lb2"])), order) for order in made]
    states = []
    for order_of_hearing in permutations(entries):
        wheel = Wheel()
        for entry in order_of_hearing:
            wheel.hear(entry)
        states.append(wheel.state)
    assert states == [states[0]] * len(states)


def test_what_was_heard_is_not_heard_again_and_nobody_hears_himself() -> None:
    words = [FleetWord.read(lb("lb1", DRAIN)), FleetWord.read(lb("lb2", replace(DRAIN, turn=7)))]
    assert [order.turn for _, order in merging.unheard(words, FleetMemory())] == [5, 7]
    memory = FleetMemory().having(heard(DRAIN))
    assert [order.turn for _, order in merging.unheard(words, memory)] == [7]
    assert merging.unheard(words, FleetMemory().having(heard(DRAIN, OWN))) == ()
    assert merging.next_turn(words, memory) == 8


def test_what_was_refused_overtakes_nothing() -> None:
    undo = FleetOrder(id="undo00", turn=9, ask="undo", what="nodes/s1")
    assert covers(undo, DRAIN)
    assert merging.overtaken(DRAIN, FleetMemory(heard=(heard(undo),)))
    assert not merging.overtaken(DRAIN, FleetMemory(heard=(heard(undo, answer="f"),)))


def test_what_is_published_is_remembered_longest() -> None:
    memory = FleetMemory()
    for number in range(REMEMBERED + 10):
        order = replace(DRAIN, id=f"id{number:04}")
        memory = memory.having(heard(order), {("lb1", "id0000")})
    ids = [old.id for old in memory.heard]
    assert (len(ids), ids[0], ids[1]) == (REMEMBERED, "id0000", "id0011")
    assert FleetMemory.from_object(json.loads(json.dumps(memory.to_object()))) == memory


def test_who_hears_late_has_it_end_a_little_late_and_never_early() -> None:
    given = GivenOrder(order=DRAIN, since_s=1000.0)
    assert [as_now(given, 1000.0 + late).for_s for late in (0, 59, 60, 150)] == [
        1800,
        1800,
        1740,
        1680,
    ]
    assert [given.is_over(1000.0 + late) for late in (599, 600)] == [False, True]
    brief = GivenOrder(order=replace(DRAIN, for_s=30), since_s=1000.0)
    assert [brief.is_over(1000.0 + late) for late in (29, 30)] == [False, True]
    assert FleetMemory(given=(given,)).moved(50).given[0].since_s == 1050.0


def test_orders_take_the_room_of_acknowledgements_in_serf_and_no_more_than_there_is() -> None:
    drained = tuple(
        token(begun(Endpoint(service="n", name=f"s{n}", address="10.0.0.1", port=1)))
        for n in range(ROOM)
    )
    word = Announcement(name="lb1", services=("nodes",), drained=drained, digest=SAID)
    four = [replace(DRAIN, id=f"abc_-{n}") for n in range(4)]
    full = replace(word, wheel=tags(takes=True, orders=four))

    def spare(entry: Endpoint) -> int:
        return serf.MAX_TAGS - serf.size({serf.tag_name("_agents"): serf.write(begun(entry))})

    entry = fitted(full, "10.0.0.9", spare)
    assert len(FleetWord.read(entry).orders) == 4
    left = Announcement.read(entry)
    assert 10 < len(left.drained) < ROOM
    assert left.full
    assert 0 <= spare(entry) < 6
    assert fitted(replace(word, drained=()), "10.0.0.9", spare) == replace(
        word, drained=()
    ).endpoint("10.0.0.9")


def test_a_bad_order_is_never_made() -> None:
    with pytest.raises(EntryError, match="bad id"):
        replace(DRAIN, id="../../")
