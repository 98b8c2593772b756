"""However many entries are bad: some are named, all are counted, and none costs the others."""

import gc

from hypothesis import given
from hypothesis import strategies as st

from lbdisc.problems import Problems
from lbdisc.values import NAMED, Endpoint, Problem, Snapshot

GOOD = Endpoint(service="nodes", name="s1", address="10.0.0.7", port=80)


def problem(number: int, what: str = "bad") -> Problem:
    return Problem(f"nodes/n{number:06}", what)


def many(count: int) -> Problems[int]:
    problems = Problems[int]()
    for number in range(count):
        problems.put(number, problem(number))
    return problems


def test_a_hundred_are_named_and_the_others_counted() -> None:
    problems = many(100_000)
    assert problems.named == tuple(problem(number) for number in range(NAMED))
    assert problems.more == 100_000 - NAMED


def test_one_that_is_over_makes_room_for_another() -> None:
    problems = many(NAMED + 1)
    problems.drop(7)
    assert problem(NAMED) in problems.named
    assert (len(problems.named), problems.more) == (NAMED, 0)


def test_those_that_are_not_named_are_no_objects_that_live_long() -> None:
    problems = many(5_000)
    assert sum(isinstance(each, Problem) for each in gc.get_objects()) < 2 * NAMED + 100
    assert len(problems) == 5_000


@given(st.lists(st.tuples(st.integers(0, 220), st.sampled_from(["bad", "worse", ""]))))
def test_what_was_put_and_not_dropped_is_there(steps: list[tuple[int, str]]) -> None:
    problems, wanted = many(150), {number: problem(number) for number in range(150)}
    for number, what in steps:
        if what:
            problems.put(number, problem(number, what))
            wanted[number] = problem(number, what)
        else:
            problems.drop(number)
            wanted.pop(number, None)
    assert set(problems.named) <= set(wanted.values())
    assert len(problems.named) == min(len(wanted), NAMED)
    assert problems.more == len(wanted) - len(problems.named)


def test_no_snapshot_names_more_whoever_makes_it() -> None:
    for made in (
        Snapshot((GOOD,), named := tuple(map(problem, range(500)))),
        Snapshot.of([], named),
    ):
        assert (len(made.problems), made.more) == (NAMED, 500 - NAMED)
        assert made.public.more == made.only(["nodes"]).more == made.more
        assert made.patched([GOOD], []).more == made.more


def test_a_snapshot_that_counts_more_tells_more() -> None:
    one = Snapshot((GOOD,), (problem(1),), more=1)
    assert not one.tells_the_same(None)
    assert one.tells_the_same(Snapshot((GOOD,), (problem(1),), more=1))
    assert not one.tells_the_same(Snapshot((GOOD,), (problem(1),), more=2))
    assert not one.tells_the_same(Snapshot((GOOD,), (problem(2),), more=1))
