"""What is counted from what balancers believed, and the looking itself."""

import time
from collections.abc import Mapping

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import ServerState
from lbdisc_compare.traffic.agreement import (
    Fact,
    agreed_after,
    disagreeing,
    missing,
    removals,
    spans,
    stale,
)
from lbdisc_compare.traffic.views import SILENCE, Lookout, Sight, turns


def sight(at: float, seat: str, up: str = "", down: str = "", draining: str = "") -> Sight:
    states: dict[str, ServerState] = {}
    states |= dict.fromkeys(up, "up")
    states |= dict.fromkeys(down, "down")
    states |= dict.fromkeys(draining, "draining")
    return Sight(at, seat, states)


def fact(at: float, nodes: str, seat: str = "") -> Fact:
    return Fact(at, frozenset(nodes), seat)


BOTH = [sight(0, "b1", "xyz"), sight(0, "b2", "xyz")]


def test_a_gone_node_that_gets_traffic_is_a_stale_route() -> None:
    sights = [*BOTH, sight(12, "b1", "xy", down="z"), sight(14, "b2", "xy")]
    found = list(spans(sights, [fact(0, "xyz"), fact(10, "xy")], 5, 20))
    assert stale(found, "b1") == 2
    assert stale(found, "b2") == 4


def test_stale_seconds_are_counted_for_each_node() -> None:
    found = list(spans(BOTH, [fact(0, "xyz"), fact(10, "x")], 5, 13))
    assert stale(found, "b1") == 6


def test_a_healthy_node_without_traffic_is_missing() -> None:
    sights = [*BOTH, sight(10, "b1", "x", draining="y"), sight(13, "b1", "xyz")]
    found = list(spans(sights, [fact(0, "xyz")], 0, 20))
    assert missing(found, "b1") == 6
    assert missing(found, "b2") == 0


def test_two_seats_disagree_while_their_traffic_would_differ() -> None:
    sights = [*BOTH, sight(10, "b1", "xy"), sight(10.5, "b2", "xy", down="z"), sight(12, "b2", "x")]
    assert disagreeing(list(spans(sights, [], 0, 13))) == 1.5


def test_agreement_counts_from_the_fault_to_the_last_wrong_moment() -> None:
    sights = [*BOTH, sight(11, "b1", "xy"), sight(12, "b1", "xyz"), sight(13, "b1", "xy")]
    sights.append(sight(12.5, "b2", "xy"))
    found = list(spans(sights, [fact(0, "xyz"), fact(10, "xy")], 0, 20))
    assert agreed_after(found, 10) == 3


def test_who_never_agrees_has_no_time() -> None:
    found = list(spans(BOTH, [fact(0, "xyz"), fact(10, "xy")], 0, 20))
    assert agreed_after(found, 10) is None


def test_who_was_right_all_along_agrees_at_once() -> None:
    assert agreed_after(list(spans(BOTH, [fact(0, "xyz")], 0, 20)), 10) == 0


def test_a_fact_for_one_seat_is_its_own() -> None:
    facts = [fact(0, "xyz"), fact(10, "xy", "b1"), fact(15, "xyz")]
    found = list(spans(BOTH, facts, 0, 20))
    assert stale(found, "b1") == 5
    assert stale(found, "b2") == 0


def test_removals_tell_off_the_list_from_out_of_rotation() -> None:
    sights = [*BOTH, sight(10, "b1", "x", down="y"), sight(12, "b1", "xyz")]
    found = removals(list(spans(sights, [fact(0, "xyz")], 0, 20)))
    assert found.unlisted == {"z"}
    assert found.idle == {"y", "z"}
    assert found.seconds == 4
    assert found.seats == {"b1"}


def test_a_dead_node_is_not_wrongly_removed() -> None:
    sights = [*BOTH, sight(10, "b1", "xy"), sight(10, "b2", "xy")]
    found = removals(list(spans(sights, [fact(0, "xyz"), fact(10, "xy")], 0, 20)))
    assert not found.idle
    assert found.seconds == 0


def test_turns_are_what_changed_for_a_seat() -> None:
    sights = [*BOTH, sight(1, "b1", "xy", down="z"), sight(2, "b1", "xw")]
    assert [(turn.name, turn.what) for turn in turns(sights)] == [
        ("z", "down"),
        ("w", "up"),
        ("y", "gone"),
        ("z", "gone"),
    ]


class Believing:
    """A seat that believes what it is told."""

    def __init__(self, name: str, servers: Mapping[str, ServerState]) -> None:
        self.name, self.believed, self.answers = name, servers, True

    def servers(self) -> Mapping[str, ServerState]:
        if not self.answers:
            raise ConnectionRefusedError("nobody")
        return self.believed


def test_a_lookout_sees_changes() -> None:
    seat = Believing("b1", {"x": "up"})
    with Lookout([seat]) as lookout:
        eventually(lambda: lookout.now()["b1"].up == {"x"} if lookout.now() else False)
        seat.believed = {"x": "down"}
        eventually(lambda: not lookout.now()["b1"].up)
    assert [dict(sight.servers) for sight in lookout.sights] == [{"x": "up"}, {"x": "down"}]


def test_a_silent_seat_keeps_its_last_sight_and_its_silence_is_told() -> None:
    seat = Believing("b1", {"x": "up"})
    with Lookout([seat]) as lookout:
        eventually(lambda: lookout.sights)
        seat.answers = False
        time.sleep(SILENCE + 0.3)
    assert lookout.now()["b1"].up == {"x"}
    assert [seat for seat, *_ in lookout.silences] == ["b1"]


@pytest.mark.parametrize("began", [0, 3])
def test_spans_cover_the_whole_time(began: float) -> None:
    sights = [*BOTH, sight(5, "b1", "x")]
    found = list(spans(sights, [fact(0, "x"), fact(7, "xy")], began, 9))
    assert sum(span.seconds for span in found) == 9 - began
