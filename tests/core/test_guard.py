"""The guard: clean leaves pass, mass losses are held, and nobody who serves goes by a clock."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbdisc import Endpoint, Snapshot
from lbdisc.agent.guard import Guard
from lbdisc.agent.held import GuardMemory
from lbdisc.agent.letting_go import STEADY
from lbdisc.agent.verdict import Verdict
from lbdisc.observed import HealthState, ServerHealth
from lbdisc.settings.tables import GuardSettings

SETTINGS = GuardSettings(max_loss=0.5, loss_window=10, loss_hold=60)


def at(name: str, port: int = 0, service: str = "nodes", *, draining: bool = False) -> Endpoint:
    """An endpoint whose port comes from its name, if none is given."""
    state = "draining" if draining else "ready"
    port = port or 1000 + ord(name)
    return Endpoint(service=service, name=name, address="10.0.0.1", port=port, state=state)  # type: ignore[arg-type]


def nodes(names: str, draining: str = "") -> Snapshot:
    """One endpoint for each letter."""
    return Snapshot.of(at(name, draining=name in draining) for name in names)


def names(snapshot: Snapshot) -> str:
    return "".join(endpoint.name for endpoint in snapshot.endpoints)


def held(guard: Guard) -> str:
    return "".join(held.endpoint.name for held in guard.held)


def look(guard: Guard, now: float, **states: HealthState) -> Verdict:
    """The load balancer says of all that are watched that they are up, or in these states."""
    found = [ServerHealth(e, states.get(e.name, "up"), "said") for e in guard.watched]
    return guard.see(found, now)


def looks(guard: Guard, start: int, end: int, **states: HealthState) -> Verdict:
    """A look each second."""
    for now in range(start, end):
        look(guard, now, **states)
    return look(guard, end, **states)


def test_a_small_loss_passes_at_once() -> None:
    guard = Guard(SETTINGS, nodes("abcd"))
    assert names(guard.judge(nodes("ab"), 0).snapshot) == "ab"


def test_a_mass_loss_is_held() -> None:
    guard = Guard(SETTINGS, nodes("abcd"))
    verdict = guard.judge(nodes("a"), 0)
    assert names(verdict.snapshot) == "abcd"
    assert [(h.endpoint.name, h.until, h.why) for h in verdict.held] == [
        (name, 60, "3 of 4 vanished") for name in "bcd"
    ]


def test_losses_one_by_one_within_the_window_count_together() -> None:
    guard = Guard(SETTINGS, nodes("abcd"))
    guard.judge(nodes("abc"), 0)
    assert names(guard.judge(nodes("ab"), 1).snapshot) == "ab"
    assert names(guard.judge(nodes("a"), 2).snapshot) == "abcd"


def test_losses_far_apart_are_no_mass_loss() -> None:
    guard = Guard(SETTINGS, nodes("abcd"))
    guard.judge(nodes("abc"), 0)
    guard.judge(nodes("ab"), 20)
    assert names(guard.judge(nodes("a"), 40).snapshot) == "a"


def test_one_of_two_is_no_mass_loss_and_the_last_one_is() -> None:
    guard = Guard(replace(SETTINGS, max_loss=0.1), nodes("ab"))
    assert names(guard.judge(nodes("a"), 0).snapshot) == "a"
    assert names(guard.judge(nodes(""), 1).snapshot) == "ab"


def test_a_loss_is_held_only_as_far_as_it_is_one() -> None:
    """Who came and went before does not come back: only the two that are missing."""
    guard = Guard(SETTINGS, nodes("abc"))
    for now, there in enumerate(["abcx", "abc", "abcy", "abc", "abcz", "abc"]):
        guard.judge(nodes(there), now)
    assert names(guard.judge(nodes("a"), 7).snapshot) == "abcz"


def test_one_that_restarts_again_and_again_is_no_loss() -> None:
    for port in (7, 0):  # at one address, and at another each time
        guard = Guard(SETTINGS, nodes("abcde"))
        for now, name in enumerate("uvwxyz"):
            verdict = guard.judge(Snapshot.of([*nodes("abcde").endpoints, at(name, port)]), now)
            assert names(verdict.snapshot) == f"abcde{name}"
            assert names(guard.judge(nodes("abcde"), now + 0.5).snapshot) == "abcde"


def test_a_fleet_that_is_replaced_is_no_loss() -> None:
    guard = Guard(SETTINGS, nodes("abc"))
    assert names(guard.judge(nodes("xyz"), 0).snapshot) == "xyz"


def test_all_may_leave_cleanly_at_once() -> None:
    guard = Guard(SETTINGS, nodes("ab"))
    guard.judge(nodes("ab", draining="ab"), 0)
    assert names(guard.judge(nodes(""), 0).snapshot) == ""


def test_who_left_cleanly_does_not_count_in_what_was_there() -> None:
    guard = Guard(SETTINGS, nodes("abcdef"))
    guard.judge(nodes("abcdef", draining="cdef"), 0)
    guard.judge(nodes("ab"), 1)
    assert names(guard.judge(nodes("a"), 2).snapshot) == "a"


def test_the_last_in_traffic_is_held_beside_one_that_drains() -> None:
    guard = Guard(SETTINGS, nodes("ab"))
    guard.judge(nodes("ab", draining="b"), 0)
    assert names(guard.judge(nodes("b", draining="b"), 1).snapshot) == "ab"


def test_one_that_comes_back_is_no_longer_held() -> None:
    guard = Guard(SETTINGS, nodes("ab"))
    guard.judge(nodes(""), 0)
    verdict = guard.judge(nodes("a", draining="a"), 5)
    assert [(e.name, e.state) for e in verdict.snapshot.endpoints] == [
        ("a", "draining"),
        ("b", "ready"),
    ]
    assert [(r.endpoint.name, r.why) for r in verdict.released] == [("a", "listed again")]
    assert held(guard) == "b"


def test_one_that_comes_back_under_another_name_or_elsewhere_is_no_longer_held() -> None:
    guard = Guard(SETTINGS, nodes("ab"))
    guard.judge(nodes(""), 0)
    verdict = guard.judge(Snapshot.of([at("x", at("a").port), at("b", 9)]), 5)
    assert [r.why for r in verdict.released] == [
        "x has its address now",
        "listed again, at 10.0.0.1:9",
    ]
    assert names(verdict.snapshot) == "bx"


def test_services_are_judged_apart() -> None:
    both = Snapshot.of([*nodes("ab").endpoints, at("x", service="api")])
    guard = Guard(SETTINGS, both)
    verdict = guard.judge(nodes("ab"), 0)
    assert [str(h.endpoint) for h in verdict.held] == [str(at("x", service="api"))]


def test_an_address_that_another_service_has_taken_over_is_not_held() -> None:
    guard = Guard(SETTINGS, Snapshot.of([at("a", 7), at("b", 8)]))
    verdict = guard.judge(Snapshot.of([at("x", 7, "api")]), 1)
    assert [str(e) for e in verdict.snapshot.endpoints] == [
        "api/x@10.0.0.1:7",
        "nodes/b@10.0.0.1:8",
    ]
    verdict = guard.judge(Snapshot.of([at("x", 7, "api"), at("y", 8, "api")]), 2)
    assert [r.why for r in verdict.released] == ["another service has its address now"]


def test_an_address_that_two_services_always_had_is_held() -> None:
    both = Snapshot.of([at("a", 7), at("x", 7, "api")])
    guard = Guard(SETTINGS, both)
    assert guard.judge(Snapshot.of([at("x", 7, "api")]), 1).snapshot == both


def test_of_two_names_with_one_address_the_first_counts() -> None:
    guard = Guard(SETTINGS, nodes("ab"))
    guard.judge(nodes("ab"), 0)
    claim = at("0", at("a").port, draining=True)
    verdict = guard.judge(Snapshot.of([*nodes("ab").endpoints, claim]), 1)
    assert names(verdict.snapshot) == "ab"
    assert [str(p) for p in verdict.snapshot.problems] == [
        f"nodes/0: a has the same address 10.0.0.1:{at('a').port}, and was there first"
    ]
    assert names(guard.judge(Snapshot.of([at("b"), claim]), 2).snapshot) == "0b"


def test_who_restarts_is_older_than_an_entry_that_waited_for_that() -> None:
    guard, claim = Guard(SETTINGS), at("0", at("a").port, draining=True)
    guard.judge(nodes("ab"), 0)
    guard.judge(Snapshot.of([*nodes("ab").endpoints, claim]), 100)
    for now in (200, 400):
        guard.judge(Snapshot.of([at("b"), claim]), now)
        verdict = guard.judge(Snapshot.of([*nodes("ab").endpoints, claim]), now + 30)
        assert verdict.snapshot.endpoints == nodes("ab").endpoints


@pytest.mark.parametrize(("stayed", "away"), [(30, 10), (100, 700)])
def test_who_was_there_for_a_moment_or_is_long_away_is_a_newcomer(stayed: int, away: int) -> None:
    guard, other = Guard(SETTINGS, nodes("b")), at("0", at("a").port)
    guard.judge(nodes("b"), 0)
    guard.judge(nodes("ab"), 1)
    guard.judge(Snapshot.of([at("b"), other]), 1 + stayed)
    back = guard.judge(Snapshot.of([*nodes("ab").endpoints, other]), 1 + stayed + away)
    assert names(back.snapshot) == "0b"


def test_one_that_drains_is_not_brought_back_by_a_second_entry() -> None:
    guard = Guard(SETTINGS, nodes("ab"))
    draining = [at("a", draining=True), at("b")]
    guard.judge(Snapshot.of(draining), 0)
    verdict = guard.judge(Snapshot.of([*draining, at("0", at("a").port)]), 1)
    assert verdict.snapshot == Snapshot.of(draining)


def contested(guard: Guard, now: float, *others: Endpoint) -> str:
    """Who counts of `a` and `b`, and of `x`, another service's at the address of `a`."""
    there = Snapshot.of([at("a", 7), at("b", 8), at("x", 7, "api"), *others])
    return names(guard.judge(there, now).snapshot)


def test_an_address_stays_with_who_has_long_been_up_there() -> None:
    guard = Guard(SETTINGS, Snapshot.of([at("a", 7), at("b", 8)]))
    verdict = guard.judge(Snapshot.of([at("a", 7), at("b", 8), at("x", 7, "api")]), 1)
    assert names(verdict.snapshot) == "ab"
    assert [str(p) for p in verdict.snapshot.problems] == [
        "api/x: nodes/a has the same address 10.0.0.1:7, and was there first"
    ]
    assert [e.name for e in guard.watched] == ["a"]
    guard.see([ServerHealth(at("a", 7), "up", steady_s=3600)], 2)
    assert contested(guard, 3) == "ab"


@pytest.mark.parametrize("found", ["down", "up"])  # up, but for a moment only
def test_an_address_goes_to_the_newer_service_where_the_older_has_died(found: HealthState) -> None:
    guard = Guard(SETTINGS, Snapshot.of([at("a", 7), at("b", 8)]))
    contested(guard, 1)
    verdict = guard.see([ServerHealth(at("a", 7), found, steady_s=3)], 2)
    assert [str(e) for e in verdict.snapshot.endpoints] == [
        "api/x@10.0.0.1:7",
        "nodes/b@10.0.0.1:8",
    ]
    assert [str(p) for p in verdict.snapshot.problems] == [
        "nodes/a: api/x has the same address 10.0.0.1:7, and is the newer one"
    ]
    moved = Snapshot.of([at("a", 9), at("b", 8), at("x", 7, "api")])
    assert guard.judge(moved, 3).snapshot == moved


def test_who_gave_way_and_is_still_listed_gets_its_address_back() -> None:
    guard = Guard(SETTINGS, Snapshot.of([at("a", 7), at("b", 8)]))
    contested(guard, 1)
    guard.see([ServerHealth(at("a", 7), "down")], 2)
    assert guard.due == 62
    assert names(guard.wait(62).snapshot) == "ab"
    guard.see([ServerHealth(at("a", 7), "up", steady_s=1)], 63)
    assert guard.due is None
    assert contested(guard, 64) == "ab"


def test_who_came_a_moment_ago_may_be_at_an_address_of_before() -> None:
    """As after a start of everything, where an agent knows nothing yet."""
    guard = Guard(SETTINGS)
    guard.judge(Snapshot.of([at("a", 7), at("b", 8)]), 0)
    assert contested(guard, 1) == "xb"
    assert contested(guard, 2, at("y", 9)) == "xby"


def test_an_instance_may_be_in_two_services_by_one_name() -> None:
    guard = Guard(SETTINGS, Snapshot.of([at("a", 7)]))
    both = Snapshot.of([at("a", 7), at("a", 7, "api")])
    verdict = guard.judge(both, 1)
    assert (verdict.snapshot, verdict.snapshot.problems) == (both, ())


def test_of_two_names_that_were_always_there_the_ready_one_counts() -> None:
    both = Snapshot.of([at("a", 7, draining=True), at("b", 7)])
    assert names(Guard(SETTINGS).judge(both, 0).snapshot) == "b"


def test_a_wiped_registry_that_fills_again_loses_nobody() -> None:
    guard = Guard(SETTINGS, nodes("abc"))
    for now, there in enumerate(["", "a", "ab", "abc"]):
        assert names(guard.judge(nodes(there), now).snapshot) == "abc"
    assert guard.held == ()


def test_without_a_hold_time_the_guard_is_off() -> None:
    guard = Guard(replace(SETTINGS, loss_hold=0), nodes("ab"))
    assert names(guard.judge(nodes(""), 0).snapshot) == ""


def test_without_endpoints_at_start_an_empty_registry_is_believed() -> None:
    assert names(Guard(SETTINGS).judge(nodes(""), 0).snapshot) == ""


def test_other_services_are_no_affair_of_its() -> None:
    guard = Guard(SETTINGS, nodes("ab"), services=["api"])
    assert guard.judge(Snapshot(), 0).held == ()


def test_what_is_steadily_down_goes() -> None:
    guard = Guard(SETTINGS, nodes("abcd"))
    guard.judge(nodes("a"), 0)
    assert looks(guard, 1, 3, c="down").released == ()
    (released,) = look(guard, 1 + STEADY, c="down").released
    assert (released.endpoint.name, released.why) == ("c", "down: said")
    assert held(guard) == "bd"


def test_down_for_a_moment_is_no_evidence() -> None:
    guard = Guard(SETTINGS, nodes("ab"))
    guard.judge(nodes(""), 0)
    for now in range(1, 50):
        look(guard, now, a="down" if now % 3 else "up", b="down" if now % 4 else "unknown")
    assert held(guard) == "ab"


def test_what_was_seen_before_the_hold_is_no_evidence() -> None:
    guard = Guard(SETTINGS, nodes("ab"))
    guard.judge(nodes(""), 10)
    for now in (2, 6, 10):
        look(guard, now, a="down")
    assert held(guard) == "ab"


@pytest.mark.parametrize("state", ["up", "unchecked", "unknown", "maintenance"])
def test_no_clock_empties_a_service(state: HealthState) -> None:
    guard = Guard(SETTINGS, nodes("ab"))
    guard.judge(nodes(""), 0)
    looks(guard, 1, 100, a=state, b=state)
    assert names(guard.wait(1e6).snapshot) == "ab"
    assert guard.due is None


def test_a_clock_leaves_as_many_as_the_service_needs() -> None:
    """Two of six are listed: one more stays, so that half of what was there serves."""
    guard = Guard(SETTINGS, nodes("abcdef"))
    guard.judge(nodes("ab"), 0)
    assert names(looks(guard, 1, 59).snapshot) == "abcdef"
    verdict = looks(guard, 60, 120)
    assert names(verdict.snapshot) == "abf"
    assert names(guard.judge(nodes("abc"), 121).snapshot) == "abc"


def test_who_is_listed_and_down_does_not_count_for_a_clock() -> None:
    guard = Guard(SETTINGS, nodes("abcdef"))
    guard.judge(nodes("ab"), 0)
    assert names(looks(guard, 1, 100, a="down", b="maintenance").snapshot) == "abcdef"


def test_what_nobody_can_see_goes_by_the_clock_while_others_are_listed() -> None:
    guard = Guard(SETTINGS, nodes("abcd"))
    guard.judge(nodes("a"), 0)
    assert names(guard.wait(59.9).snapshot) == "abcd"
    assert [r.why for r in guard.wait(60).released] == ["loss_hold is over"] * 3
    assert names(guard.wait(60).snapshot) == "a"


def test_no_clock_comes_before_the_first_look() -> None:
    guard = Guard(replace(SETTINGS, loss_hold=0.1), nodes("abcd"), asks=True)
    guard.judge(nodes("a"), 0)
    assert names(guard.wait(5).snapshot) == "abcd"
    assert names(look(guard, 6).snapshot) == "ad"


def test_what_an_operator_releases_goes_and_is_not_held_again() -> None:
    guard = Guard(SETTINGS, nodes("abcd"))
    guard.judge(nodes(""), 0)
    verdict, freed = guard.release("nodes", "b", 1)
    assert names(verdict.snapshot) == "acd"
    assert [e.name for e in freed] == ["b"]
    guard.release("", "", 2)
    assert names(guard.judge(nodes("x"), 3).snapshot) == "x"
    assert guard.release("nodes", "", 4)[1] == ()


@pytest.mark.parametrize("leaving", ["", "ab"])
def test_what_an_operator_holds_stays_whatever_comes(leaving: str) -> None:
    guard = Guard(SETTINGS, nodes("ab"))
    assert [e.name for e in guard.hold("nodes", "", 0)[1]] == ["a", "b"]
    guard.judge(nodes("ab", draining=leaving), 1)
    guard.judge(nodes(""), 2)
    looks(guard, 3, 100, a="down", b="down")
    assert [(e.name, e.state) for e in guard.wait(1e6).snapshot.endpoints] == [
        ("a", "ready"),
        ("b", "ready"),
    ]
    assert names(guard.release("nodes", "", 2e6)[0].snapshot) == ""


def test_an_operators_hold_takes_over_what_the_guard_holds() -> None:
    guard = Guard(SETTINGS, nodes("ab"))
    guard.judge(nodes(""), 0)
    (told,) = guard.hold("", "a", 1)[0].held
    assert (told.by, told.until, told.since) == ("operator", None, 0)
    looks(guard, 2, 10, a="down", b="down")
    assert held(guard) == "a"


def test_an_operators_hold_ends_where_another_has_the_address() -> None:
    guard = Guard(SETTINGS, nodes("a"))
    guard.hold("", "", 0)
    verdict = guard.judge(Snapshot.of([at("x", at("a").port)]), 1)
    assert names(verdict.snapshot) == "x"


def reborn(guard: Guard, now: float) -> Guard:
    """Another guard that knows what this one did, by way of a file."""
    memory = guard.memory
    kept = GuardMemory.from_object(memory.to_object(1000), ahead=1000, now=now)
    return Guard(SETTINGS, kept.with_balanced(memory.balanced))


@pytest.mark.parametrize(
    "later", [lambda guard: Guard(SETTINGS, guard.memory), lambda g: reborn(g, 30)]
)
def test_holds_outlive_the_guard(later: Callable[[Guard], Guard]) -> None:
    guard = Guard(SETTINGS, nodes("abcdef"))
    guard.judge(nodes("ab"), 0)
    guard.hold("", "c", 1)
    other = later(guard)
    assert names(other.judge(nodes("ab"), 30).snapshot) == "abcdef"
    assert [(h.endpoint.name, h.since, h.until, h.by) for h in other.held] == [
        ("c", 0, None, "operator"),
        *((name, 0, 60, "guard") for name in "def"),
    ]
    assert names(looks(other, 60, 61).snapshot) == "abc"


def test_a_hold_that_was_kept_beyond_its_time_stays_so() -> None:
    guard = Guard(SETTINGS, nodes("ab"))
    guard.judge(nodes(""), 0)
    looks(guard, 1, 70)
    assert names(reborn(guard, 80).judge(nodes(""), 80).snapshot) == "ab"


@pytest.mark.parametrize("odd", [None, [], {"guard": 2}, {"guard": 1}, {"guard": 1, "held": [1]}])
def test_odd_memories_are_refused(odd: object) -> None:
    with pytest.raises(ValueError, match="guard"):
        GuardMemory.from_object(odd, ahead=0, now=0)


LETTERS = "abcdefgh"
there = st.sets(st.sampled_from(LETTERS)).map(lambda found: "".join(sorted(found)))
steps = st.lists(st.tuples(st.integers(0, 6), there), min_size=1, max_size=12)
shares = st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.75, 1.0])


def timed(start: str, waits: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    found, now = [(0, start)], 0
    for wait, here in waits:
        now += wait
        found.append((now, here))
    return found


@settings(deadline=None)
@given(start=there, waits=steps, max_loss=shares)
def test_who_never_misses_more_than_max_loss_is_never_held(
    start: str, waits: list[tuple[int, str]], max_loss: float
) -> None:
    guard = Guard(replace(SETTINGS, max_loss=max_loss), nodes(start))
    series = timed(start, waits)
    for at_step, (now, here) in enumerate(series):
        # What was there until a time within the window, and what is there now.
        recent = [h for (_, h), (end, _) in pairwise(series[: at_step + 1]) if end >= now - 10]
        most = max(len(h) for h in [*recent, here])
        missing = most - len(here)
        if missing and (not here or (missing > max_loss * most + 1e-9 and missing > 1)):
            return
        verdict = guard.judge(nodes(here), now)
        assert verdict.held == ()
        assert names(verdict.snapshot) == here


entries = st.builds(
    at,
    st.sampled_from(LETTERS),
    st.integers(1, 5),
    st.sampled_from(["nodes", "api"]),
    draining=st.booleans(),
)
lists = st.lists(entries, max_size=8).map(Snapshot.of)
states = st.dictionaries(
    st.sampled_from(LETTERS), st.sampled_from(["up", "unchecked", "unknown", "maintenance"])
)


@settings(deadline=None)
@given(start=lists, series=st.lists(st.tuples(st.integers(0, 90), lists, states), max_size=12))
def test_an_address_never_has_two_servers(
    start: Snapshot, series: list[tuple[int, Snapshot, dict[str, HealthState]]]
) -> None:
    guard, now = Guard(SETTINGS, start), 0
    for wait, snapshot, found in series:
        now += wait
        guard.judge(snapshot, now)
        listed = look(guard, now + 0.5, **found).snapshot
        places = [(e.service, e.host_port) for e in listed.endpoints]
        assert len(places) == len(set(places))
        here = {(e.service, e.host_port) for e in snapshot.endpoints}
        assert {where for _, where in here} <= {where for _, where in places}
        assert not {(h.endpoint.service, h.endpoint.host_port) for h in guard.held} & here


ready = st.lists(st.builds(at, st.sampled_from(LETTERS), st.integers(1, 5)), max_size=8)


@settings(deadline=None)
@given(
    start=ready.filter(bool).map(Snapshot.of),
    series=st.lists(st.tuples(st.integers(0, 90), ready.map(Snapshot.of), states), max_size=12),
    restarts=st.sets(st.integers(0, 11)),
)
def test_without_evidence_or_a_word_no_service_goes_to_zero(
    start: Snapshot,
    series: list[tuple[int, Snapshot, dict[str, HealthState]]],
    restarts: set[int],
) -> None:
    guard, now = Guard(SETTINGS, start), 0
    for step, (wait, snapshot, found) in enumerate(series):
        now += wait
        if step in restarts:
            guard = reborn(guard, now)
        assert guard.judge(snapshot, now).snapshot.endpoints
        assert look(guard, now + 0.5, **found).snapshot.endpoints
        assert guard.wait(now + 0.9).snapshot.endpoints
