"""Who is skipped is told once, and no registry can make that many lines."""

from lbdisc import events
from lbdisc.agent.skipping import BURST, PAUSE, Skipping
from lbdisc.builtin.journal.journal import line
from lbdisc.events import Cause
from lbdisc.values import NAMED, Problem

CAUSE = Cause(source="file")


def problem(number: int) -> Problem:
    return Problem(f"nodes/n{number:06}", "bad port")


class Scene:
    """What was told by looks at one time after the other."""

    def __init__(self) -> None:
        self.told: list[events.Event] = []
        self.now = 1000.0
        self.skipping = Skipping(self.told.append)

    def look(self, *numbers: int, more: int = 0) -> list[events.Event]:
        self.told.clear()
        problems = map(problem, numbers)
        self.skipping.look(problems, more, cause=CAUSE, now=self.now)
        return list(self.told)

    def turn(self, seconds: float) -> list[events.Event]:
        self.told.clear()
        self.now += seconds
        self.skipping.turn(self.now)
        return list(self.told)


def test_what_comes_and_goes_is_told_once() -> None:
    scene = Scene()
    assert scene.look(1) == [events.EntriesSkipped(entries=(problem(1),), cause=CAUSE)]
    assert scene.look(1) == []
    assert scene.look(2) == [
        events.EntriesSkipped(entries=(problem(2),), cause=CAUSE),
        events.EntriesMended(entries=(problem(1),), cause=CAUSE),
    ]
    assert scene.look() == [events.EntriesMended(entries=(problem(2),), cause=CAUSE)]


def test_a_hundred_are_named_and_the_others_counted() -> None:
    (told,) = Scene().look(*range(1000), more=5)
    assert isinstance(told, events.EntriesSkipped)
    assert (len(told.entries), told.more) == (NAMED, 905)


def test_who_is_not_named_is_told_by_number() -> None:
    scene = Scene()
    scene.look(1, more=3)
    assert scene.look(1, more=7) == [events.EntriesSkipped(entries=(), more=7, cause=CAUSE)]
    assert scene.look(1, more=2) == [events.EntriesMended(entries=(), more=2, cause=CAUSE)]


def test_an_hour_of_new_names_makes_few_lines_and_the_last_state_is_told() -> None:
    """One every 10 ms, each gone when the next comes."""
    scene = Scene()
    told: list[events.Event] = []
    for number in range(360_000):
        scene.now += 0.01
        told += scene.look(number)
    assert len(told) < 2 * (BURST + 3600 / PAUSE) + 2
    passed = sum(each.passed for each in told if isinstance(each, events.EntriesSkipped))
    named = sum(len(each.entries) for each in told if isinstance(each, events.EntriesSkipped))
    assert 355_000 < passed + named <= 360_000
    assert sum(len(str(dict(line(each)))) for each in told) < 200_000
    assert problem(359_999) in {p for e in scene.turn(PAUSE) for p in _entries(e)}


def test_one_that_was_told_is_told_as_gone_when_that_is_due() -> None:
    scene = Scene()
    for number in range(2 * BURST):
        scene.look(number)
    assert scene.look() == []
    assert scene.skipping.due is not None
    assert scene.skipping.due <= scene.now + PAUSE
    told = scene.turn(PAUSE)
    assert any(isinstance(each, events.EntriesMended) for each in told)
    assert scene.skipping.due is None


def _entries(event: events.Event) -> tuple[Problem, ...]:
    return event.entries if isinstance(event, events.EntriesSkipped) else ()
