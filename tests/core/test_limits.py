"""Limits: who was there first stays, one service never takes another's places, one line tells."""

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from lbdisc import Endpoint, Snapshot
from lbdisc.agent.limits import Limits, Most
from lbdisc.agent.returning import KEPT

FEW = Most(per_service=3, total=8, services=2)


def some(service: str, names: Iterable[object]) -> list[Endpoint]:
    return [Endpoint(service=service, name=f"{n}", address="10.0.0.1", port=80) for n in names]


def names(snapshot: Snapshot, service: str = "web") -> str:
    return "".join(e.name for e in snapshot.endpoints if e.service == service)


def said(snapshot: Snapshot) -> list[str]:
    return [str(problem) for problem in snapshot.problems]


def test_what_is_within_the_limits_passes_as_it_is() -> None:
    snapshot = Snapshot.of(some("web", "abc"))
    assert Limits(FEW, ["web"]).take(snapshot) is snapshot


def test_a_flood_displaces_nobody_who_was_there() -> None:
    limits = Limits(FEW, ["web"])
    limits.take(Snapshot.of(some("web", "yz")))
    passed = limits.take(Snapshot.of(some("web", "abcdyz")))
    assert names(passed) == "ayz"
    assert said(passed) == ["(limit) web: endpoints.per_service is reached: 2 or more are left out"]


def test_over_a_restart_those_who_were_served_come_first() -> None:
    limits = Limits(FEW, ["web"], Snapshot.of(some("web", "xyz")))
    assert names(limits.take(Snapshot.of(some("web", "abcxyz")))) == "xyz"


def test_who_restarts_in_a_flood_gets_its_place_back() -> None:
    limits = Limits(FEW, ["web"])
    limits.take(Snapshot.of(some("web", "xyz")))
    flood = some("web", "abcd")
    for away, back in (("x", "yz"), ("yz", "x"), ("xyz", "")):
        during = limits.take(Snapshot.of([*flood, *some("web", back)]))
        assert len(names(during)) == 3
        assert names(during)[len(away) :] == back
        assert names(limits.take(Snapshot.of([*flood, *some("web", "xyz")]))) == "xyz"


def test_a_fake_that_comes_and_goes_takes_nobodys_place() -> None:
    limits = Limits(FEW, ["web"])
    limits.take(Snapshot.of(some("web", "ab")))
    limits.take(Snapshot.of(some("web", "az")))
    for turn in range(3):
        limits.take(Snapshot.of(some("web", f"az{turn}")))
        assert names(limits.take(Snapshot.of(some("web", f"abz{turn}")))) == "abz"
        assert names(limits.take(Snapshot.of(some("web", "az")))) == "az"


def test_a_place_is_kept_for_ten_minutes() -> None:
    now = [0.0]
    limits = Limits(FEW, ["web"], clock=lambda: now[0])
    limits.take(Snapshot.of(some("web", "xyz")))
    limits.take(Snapshot.of(some("web", "ayz")))
    now[0] = KEPT + 1
    assert names(limits.take(Snapshot.of(some("web", "axyz")))) == "ayz"


def test_over_a_restart_one_that_is_away_keeps_its_place() -> None:
    limits = Limits(FEW, ["web"], Snapshot.of(some("web", "xyz")))
    assert names(limits.take(Snapshot.of(some("web", "abxy")))) == "axy"
    assert names(limits.take(Snapshot.of(some("web", "abxyz")))) == "xyz"


def test_who_waits_longest_gets_the_next_place() -> None:
    limits = Limits(FEW, ["web"])
    limits.take(Snapshot.of(some("web", "abc")))
    limits.take(Snapshot.of(some("web", "abcz")))
    limits.take(Snapshot.of(some("web", "abcdz")))
    assert names(limits.take(Snapshot.of(some("web", "bcdz")))) == "bcz"
    assert names(limits.take(Snapshot.of(some("web", "cdz")))) == "cdz"


def test_who_has_a_place_may_change_and_who_waits_may_not() -> None:
    limits = Limits(FEW, ["web"])
    limits.take(Snapshot.of(some("web", "abcd")))
    changed = [e.drain() for e in some("web", "abcd")]
    passed = limits.take(Snapshot.of(changed))
    assert passed.endpoints == tuple(changed[:3])


def test_a_flood_of_one_service_leaves_the_others_their_share() -> None:
    most = Most(per_service=100, total=8, services=2)
    limits = Limits(most, ["api", "web"])
    assert len(limits.take(Snapshot.of(some("api", range(50))))) == 6
    passed = limits.take(Snapshot.of([*some("api", range(50)), *some("web", "abc")]))
    assert names(passed) == "ab"
    assert "(limit) web: endpoints.total is reached: 1 is left out" in said(passed)


def test_services_that_nobody_balances_are_bounded_and_take_no_place() -> None:
    limits = Limits(FEW, ["web"])
    strangers = [e for service in "abcde" for e in some(service, range(9))]
    passed = limits.take(Snapshot.of([*strangers, *some("web", "xyz")]))
    assert (names(passed), len(passed)) == ("xyz", 3 + FEW.total)
    assert said(passed) == [
        "(limit) services not balanced: endpoints.total is reached: 20 or more are left out"
    ]


def test_the_number_of_services_is_bounded_however_many_there_are() -> None:
    limits = Limits(FEW, ["web"])
    strangers = [e for service in "abcde" for e in some(service, "1")]
    passed = limits.take(Snapshot.of([*strangers, *some("web", "x")]))
    assert sorted(passed.services) == ["a", "b", "web"]
    assert said(passed) == [
        "(limit) services not balanced: endpoints.max_services is reached: 2 or more are left out"
    ]


def test_who_is_back_takes_no_place_of_another_service_where_its_own_is_full() -> None:
    limits = Limits(FEW, ["api", "web"])
    for there in ("ab", "cd", ""):
        limits.take(Snapshot.of(some("web", there)))
    passed = limits.take(Snapshot.of([*some("web", "abcd"), *some("api", "x")]))
    assert {service: len(its) for service, its in passed.services.items()} == {"api": 1, "web": 3}


def test_a_flood_that_goes_on_is_told_a_few_times() -> None:
    limits, told = Limits(FEW, ["web"]), set()
    for count in [*range(300), *range(300, 5, -1)]:
        told |= set(limits.take(Snapshot.of(some("web", range(count)))).problems)
    assert len(told) == 8  # 1, 2, 5, 10, 20, and so on


def test_when_the_flood_is_over_nothing_is_left_of_it() -> None:
    limits, few = Limits(FEW, ["web"]), Snapshot.of(some("web", "xy"))
    limits.take(Snapshot.of(some("web", range(100))))
    assert limits.take(few) is few
    assert limits.left_out == 0


keys = st.sets(
    st.tuples(st.sampled_from(["api", "web", "a", "b", "c"]), st.integers(0, 9)), max_size=25
)


@settings(max_examples=100, deadline=None)
@given(st.lists(keys, max_size=4))
def test_no_limit_is_ever_passed_and_nobody_loses_a_place(
    states: list[set[tuple[str, int]]],
) -> None:
    limits, before, known = Limits(FEW, ["api", "web"]), Snapshot(), set[Endpoint]()
    for state in states:
        snapshot = Snapshot.of([e for service, n in state for e in some(service, [n])])
        passed = limits.take(snapshot)
        sizes = {service: len(its) for service, its in passed.services.items()}
        assert max(sizes.get("api", 0), sizes.get("web", 0)) <= 3
        assert len(set(sizes) - {"api", "web"}) <= 2
        listed = set(snapshot.endpoints)
        lost = (set(before.endpoints) & listed) - set(passed.endpoints)
        back = (known & set(passed.endpoints)) - set(before.endpoints)
        assert set(passed.endpoints) <= listed
        assert len(lost) <= len(back)  # only to one that had a place before
        known |= set(passed.endpoints)
        assert len(passed) + limits.left_out == len(snapshot)
        before = passed
