"""Damping: who never stops changing waits, nobody else does, and leaves pass at once."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbdisc import Endpoint, Snapshot
from lbdisc.agent.damping import REMEMBERED, Damping

GOOD = Endpoint(service="web", name="good", address="10.0.0.1", port=80)
BAD = Endpoint(service="web", name="bad", address="10.0.0.2", port=80)
Step = Callable[[int], list[Endpoint]]


def run(step: Step, every: float, seconds: float, damping: Damping | None = None) -> list[Snapshot]:
    """What is passed on while the registry goes through the steps, where that is new."""
    damping, now, count = damping or Damping(), 0.0, 0
    passed = [damping.take(Snapshot.of([GOOD]), now)]
    while now < seconds:
        now, count = now + every, count + 1
        for found in (damping.take(Snapshot.of([GOOD, *step(count)]), now), damping.wait(now)):
            if found != passed[-1]:
                passed.append(found)
    return passed


def there_and_away(n: int) -> list[Endpoint]:
    return [BAD] if n % 2 else []


def two_addresses(n: int) -> list[Endpoint]:
    return [replace(BAD, address=f"10.0.0.{2 + n % 2}")]


def draining_and_back(n: int) -> list[Endpoint]:
    return [replace(BAD, state="ready" if n % 2 else "draining")]


def other_names(n: int) -> list[Endpoint]:
    return [replace(BAD, name=f"bad{n}")]


def other_services(n: int) -> list[Endpoint]:
    return [replace(BAD, service=("web", "api")[n % 2])]


def restless_weight(n: int) -> list[Endpoint]:
    return [replace(BAD, weight=1 + n % 2)]


FLAPS = [there_and_away, two_addresses, draining_and_back, other_names, other_services]


@pytest.mark.parametrize("flap", FLAPS)
def test_what_flaps_ten_times_a_second_passes_about_once_a_minute(flap: Step) -> None:
    first, all_three = len(run(flap, 0.1, 60)), len(run(flap, 0.1, 180))
    assert first < 450
    assert all_three - first <= 2 * 3  # a change to and fro, each minute


def test_a_weight_that_changes_a_thousand_times_a_second_is_damped_as_well() -> None:
    assert len(run(restless_weight, 0.001, 10)) < 400


def test_others_never_wait() -> None:
    damping, now = Damping(), 0.0
    damping.take(Snapshot.of([GOOD]), now)
    for n in range(600):
        now += 0.1
        good = replace(GOOD, weight=n % 3) if n % 20 == 0 else damping.wait(now).get(GOOD.key)
        assert good is not None
        assert damping.take(Snapshot.of([good, *two_addresses(n)]), now).get(GOOD.key) == good


@pytest.mark.parametrize(("every", "step"), [(12, there_and_away), (1, restless_weight)])
def test_who_changes_for_a_reason_does_not_wait(every: float, step: Step) -> None:
    damping = Damping()
    assert len(run(step, every, 600, damping)) == int(600 / every) + 1
    assert damping.due is None


def test_five_restarts_in_a_minute_pass_at_once() -> None:
    assert len(run(there_and_away, 6, 60)) == 11


def test_a_deploy_of_every_node_passes_at_once() -> None:
    damping = Damping()
    nodes = [replace(GOOD, name=f"n{n}", port=n + 1) for n in range(500)]
    damping.take(Snapshot.of(nodes), 0)
    for round_ in range(3):
        drained = [replace(node, state="draining") for node in nodes]
        for state in (drained, [], nodes):
            assert (
                damping.take(Snapshot.of(state), round_).endpoints == Snapshot.of(state).endpoints
            )


def test_a_leave_and_a_drain_pass_at_once() -> None:
    damping = Damping()
    run(two_addresses, 0.1, 20, damping)
    kept = damping.take(Snapshot.of([replace(BAD, address="10.0.0.9")]), 20).get(BAD.key)
    assert kept is not None
    assert damping.due is not None
    drained = damping.take(Snapshot.of([kept.drain()]), 20)
    assert drained.endpoints == (kept.drain(),)
    assert damping.take(Snapshot.of([GOOD]), 20).endpoints == (GOOD,)
    assert damping.due is None


def test_while_it_waits_it_keeps_what_it_had_and_then_gets_the_newest() -> None:
    damping = Damping()
    run(two_addresses, 0.1, 20, damping)
    kept = damping.wait(20).get(BAD.key)
    newest = replace(BAD, address="10.0.0.9")
    assert damping.take(Snapshot.of([newest]), 20.1).get(BAD.key) == kept
    assert damping.due is not None
    assert 20.1 < damping.due < 81
    assert damping.wait(damping.due).get(BAD.key) == newest


def test_a_drain_elsewhere_takes_the_old_one_out_at_once() -> None:
    damping = Damping()
    run(two_addresses, 0.1, 20, damping)
    elsewhere = replace(BAD, address="10.0.0.9", state="draining")
    assert damping.take(Snapshot.of([elsewhere, GOOD]), 20.1).endpoints == (GOOD,)


def test_after_some_calm_nothing_waits() -> None:
    damping = Damping()
    run(two_addresses, 0.1, 20, damping)
    damping.wait(90)
    newest = Snapshot.of([replace(BAD, address="10.0.0.9")])
    assert damping.take(newest, 200) == newest


def test_an_address_that_another_uses_as_well_counts_against_nobody_else() -> None:
    damping = Damping()
    run(lambda n: [replace(GOOD, name=f"bad{n}")], 0.1, 20, damping)
    damping.take(Snapshot.of([]), 20)
    assert damping.take(Snapshot.of([GOOD]), 30).endpoints == (GOOD,)


def test_an_instance_in_many_services_restarts_as_one() -> None:
    many = [replace(BAD, service=f"s{n}") for n in range(20)]
    assert len(run(lambda n: many if n % 2 else [], 5, 60)) == 13


def test_reloads_cost_more() -> None:
    damping, now = Damping(), 0.0
    damping.take(Snapshot.of([BAD]), now)
    for n in range(8):
        now += 2
        damping.take(Snapshot.of(two_addresses(n)), now)
        damping.reloaded(two_addresses(n), now)
    assert damping.due is not None


def test_nobody_waits_where_that_is_switched_off() -> None:
    assert len(run(two_addresses, 0.1, 10, Damping(longest=0))) > 99


def test_what_is_remembered_is_bounded_and_the_calm_are_forgotten() -> None:
    damping = Damping()
    damping.take(Snapshot(), 0)
    for n in range(60):
        some = [replace(BAD, name=f"x{n}-{m}", port=m + 1) for m in range(1000)]
        damping.take(Snapshot.of(some), n * 0.1)
        assert len(damping._marks) <= REMEMBERED
    damping.take(Snapshot(), 300)
    assert not damping._marks
    assert not damping._here


entries = st.builds(
    lambda name, last, weight, draining: Endpoint(
        service="web",
        name=name,
        address=f"10.0.0.{last}",
        port=80,
        weight=weight,
        state="draining" if draining else "ready",
    ),
    st.sampled_from("abc"),
    st.integers(1, 3),
    st.integers(0, 2),
    st.booleans(),
)
states = st.tuples(st.lists(entries, max_size=3), st.floats(0, 20))


@settings(max_examples=100, deadline=None)
@given(st.lists(states, max_size=25))
def test_who_is_gone_or_rests_gets_no_traffic_and_all_comes_in_the_end(
    steps: list[tuple[list[Endpoint], float]],
) -> None:
    damping, now, snapshot = Damping(), 0.0, Snapshot()
    for found, pause in steps:
        now, snapshot = now + pause, Snapshot.of(found)
        passed = damping.take(snapshot, now)
        for endpoint in passed.endpoints:
            listed = snapshot.get(endpoint.key)
            assert listed is not None
            if listed.draining or not listed.weight:
                assert endpoint.draining or not endpoint.weight
    for _ in range(3):
        damping.wait(now := now + 61)
    assert damping.wait(now) == snapshot
