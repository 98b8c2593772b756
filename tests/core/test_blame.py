"""Who is at fault for a refusal: exactly the culprits, in few checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, log2

from hypothesis import given
from hypothesis import strategies as st

from lbdisc import Endpoint, Snapshot
from lbdisc.agent.blame import Blame, Budget, Suspect, blame, suspects, without

PLENTY = 10_000


@cache
def node(number: int, **parts: object) -> Endpoint:
    values = {"address": "10.0.0.1", "port": 1 + number, **parts}
    return Endpoint(service="nodes", name=f"s{number:04}", **values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Refused:
    """By words that name those of ``names``."""

    names: frozenset[Endpoint] = frozenset()
    words: str = "no good"

    def naming(self, suspects: Sequence[Suspect]) -> Mapping[Suspect, str]:
        return {s: self.words for s in suspects if s.endpoint in self.names}


class Judge:
    """A check that refuses whatever holds one of ``bad``."""

    def __init__(self, bad: frozenset[Endpoint], *, names: bool = False) -> None:
        self._bad, self._names = bad, names
        self.checks = 0

    def __call__(self, snapshot: Snapshot) -> Refused | None:
        self.checks += 1
        found = self._bad.intersection(snapshot.endpoints)
        return Refused(found if self._names else frozenset()) if found else None

    def blame(self, base: Snapshot, wanted: Snapshot, *, checks: int = PLENTY) -> Blame:
        refusal, self.checks = self(wanted), 0
        assert refusal is not None
        budget = Budget(checks, 1.0, lambda: 0.0)
        return blame(wanted, suspects(base, wanted), refusal, self, budget)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Snapshot, Snapshot, frozenset[Endpoint]]:
    """A base that passes, what is wanted, and who of it is bad."""
    count, new = draw(st.integers(0, 20)), draw(st.integers(1, 40))
    base = Snapshot.of(node(n) for n in range(count))
    changed = set(range(0, count, draw(st.integers(1, 5))))
    kept = [node(n, weight=7) if n in changed else node(n) for n in range(count)]
    wanted = Snapshot.of([*kept, *(node(n) for n in range(count, count + new))])
    of = [suspect.endpoint for suspect in suspects(base, wanted)]
    return base, wanted, frozenset(draw(st.sets(st.sampled_from(of), min_size=1, max_size=12)))


@given(cases())
def test_the_result_is_exactly_the_culprits_in_few_checks(
    case: tuple[Snapshot, Snapshot, frozenset[Endpoint]],
) -> None:
    base, wanted, bad = case
    judge = Judge(bad)
    found = judge.blame(base, wanted)
    assert {suspect.endpoint for suspect in found.culprits} == bad
    assert found.unsure == ()
    levels = ceil(log2(len(suspects(base, wanted)))) + 1
    assert judge.checks <= 1 + 2 * len(bad) * levels
    assert judge(without(wanted, found.culprits)) is None


@given(cases(), st.integers(0, 20))
def test_within_any_budget_what_is_left_passes(
    case: tuple[Snapshot, Snapshot, frozenset[Endpoint]], checks: int
) -> None:
    base, wanted, bad = case
    judge = Judge(bad)
    found = judge.blame(base, wanted, checks=checks)
    assert judge.checks <= checks
    assert judge(without(wanted, [*found.culprits, *found.unsure])) is None
    assert {suspect.endpoint for suspect in found.culprits} <= bad


@given(cases())
def test_whoever_is_named_is_found_by_one_check(
    case: tuple[Snapshot, Snapshot, frozenset[Endpoint]],
) -> None:
    base, wanted, bad = case
    judge = Judge(bad, names=True)
    assert {suspect.endpoint for suspect in judge.blame(base, wanted).culprits} == bad
    assert judge.checks == 1


def test_a_base_that_is_refused_too_is_nobodys_fault_and_one_check_tells() -> None:
    base = Snapshot.of([node(1)])
    judge = Judge(frozenset(base.endpoints))
    assert not judge.blame(base, Snapshot.of(map(node, range(100))))
    assert judge.checks == 1


def test_two_that_are_bad_only_together_cost_one_of_them() -> None:
    def check(snapshot: Snapshot) -> Refused | None:
        return Refused() if {node(3), node(60)} <= set(snapshot.endpoints) else None

    wanted = Snapshot.of(map(node, range(100)))
    budget = Budget(PLENTY, 1.0, lambda: 0.0)
    found = blame(wanted, suspects(Snapshot(), wanted), Refused(), check, budget)
    assert [suspect.endpoint for suspect in found.culprits] == [node(60)]


def test_one_that_is_served_stays_as_it_was_unless_it_is_elsewhere_or_drains() -> None:
    before = Snapshot.of([node(1), node(2), node(3)])
    now = Snapshot.of([node(1, weight=7), node(2, address="10.0.0.9"), node(3).drain()])
    left = without(now, suspects(before, now))
    assert left == Snapshot.of([node(1)])
