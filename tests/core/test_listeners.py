"""Listeners: each beside the one that tells, named when they misbehave, and never waited for."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from threading import Event

import pytest

from lbdisc import events
from lbdisc.listening.listeners import LAST, ROOM, Listeners
from lbdisc.testing.waiting import eventually

NEWS = events.ProgramReady(generation=1)


class Ear:
    """A listener that writes down what it hears, and does `act` first."""

    def __init__(self, act: Callable[[], object] = lambda: None) -> None:
        self.heard: list[events.Event] = []
        self.threads: set[str] = set()
        self.closed = False
        self._act = act

    def hear(self, event: events.Event) -> None:
        self.threads.add(threading.current_thread().name)
        self._act()
        self.heard.append(event)

    def close(self) -> None:
        self.closed = True

    @property
    def complaints(self) -> list[events.PluginBroken]:
        return [event for event in self.heard if isinstance(event, events.PluginBroken)]


@pytest.fixture
def own() -> Ear:
    return Ear()


@pytest.fixture
def listeners(own: Ear) -> Iterator[Listeners]:
    with Listeners([own]) as made:
        yield made


def looked(listeners: Listeners, own: Ear) -> list[events.PluginBroken]:
    listeners.look()
    return own.complaints


def test_the_cores_own_hear_before_the_teller_goes_on(listeners: Listeners, own: Ear) -> None:
    listeners.tell(NEWS)
    assert own.heard == [NEWS]
    assert own.threads == {threading.current_thread().name}


def test_each_plugin_hears_in_a_thread_of_its_own(listeners: Listeners) -> None:
    ears = [Ear(), Ear()]
    for number, ear in enumerate(ears):
        listeners.start(str(number), "plugin", lambda ear=ear: ear)  # type: ignore[misc]
    listeners.tell(NEWS)
    eventually(lambda: all(ear.heard == [NEWS] for ear in ears))
    assert len(ears[0].threads | ears[1].threads) == 2


def raises() -> None:
    raise ValueError("boom\nsecond line")


@pytest.mark.parametrize(
    ("act", "said"),
    [(raises, "ValueError: boom second line"), (lambda: sys.exit(3), "SystemExit: 3")],
    ids=["raises", "exits"],
)
def test_one_that_fails_is_named_and_hears_on(
    listeners: Listeners, own: Ear, act: Callable[[], object], said: str
) -> None:
    calls: list[int] = []

    def heard() -> None:
        calls.append(1)
        act()

    listeners.start("bell", "probe", lambda: Ear(heard))
    for _ in range(3):
        listeners.tell(NEWS)
    eventually(lambda: len(calls) == 3)
    eventually(lambda: looked(listeners, own))
    eventually(lambda: looked(listeners, own)[-1].times == 3)
    assert {c.plugin for c in own.complaints} == {"probe, listener bell"}
    assert {c.error for c in own.complaints} == {said}
    assert [c.again for c in own.complaints].count(False) == 1


def test_one_that_sleeps_delays_nobody_and_is_named(listeners: Listeners, own: Ear) -> None:
    free = Event()
    listeners.start("slow", "probe", lambda: Ear(free.wait))
    began = time.monotonic()
    for _ in range(100):
        listeners.tell(NEWS)
    assert time.monotonic() - began < 0.5
    eventually(lambda: looked(listeners, own))
    free.set()
    assert "takes longer" in own.complaints[0].error


def test_a_full_queue_is_counted_and_told_once(listeners: Listeners, own: Ear) -> None:
    free, deaf = Event(), Ear(lambda: free.wait())
    listeners.start("slow", "probe", lambda: deaf)
    for _ in range(ROOM + 11):
        listeners.tell(NEWS)
    complaints = [c for c in looked(listeners, own) if "full" in c.error]
    free.set()
    assert len(complaints) == 1
    assert complaints[0].times in (10, 11)  # one may be heard already


def test_two_that_are_full_do_not_tell_each_other_for_ever(listeners: Listeners, own: Ear) -> None:
    free = Event()
    for name in ("a", "b"):
        listeners.start(name, "probe", lambda: Ear(free.wait))
    for _ in range(ROOM + 10):
        listeners.tell(NEWS)
    for _ in range(5):
        listeners.look()
    told = len(own.complaints)
    listeners.look()
    free.set()
    assert len(own.complaints) == told


def test_one_that_cannot_be_made_is_named(listeners: Listeners, own: Ear) -> None:
    def exits() -> Ear:
        sys.exit("no port")

    listeners.start("page", "web", exits)
    eventually(lambda: looked(listeners, own))
    listeners.tell(NEWS)
    assert [c.error for c in own.complaints] == ["SystemExit: no port"]


def test_what_waits_is_heard_before_the_end() -> None:
    ear = Ear(lambda: time.sleep(0.001))
    with Listeners() as listeners:
        listeners.start("late", "probe", lambda: ear)
        for _ in range(20):
            listeners.tell(NEWS)
    assert len(ear.heard) == 20
    assert ear.closed


def test_one_that_hangs_is_left_behind_and_named(own: Ear) -> None:
    free = Event()
    with Listeners([own]) as listeners:
        listeners.start("stuck", "probe", lambda: Ear(free.wait))
        listeners.tell(NEWS)
        began = time.monotonic()
    took = time.monotonic() - began
    free.set()
    assert took < LAST + 1
    assert "left behind" in own.complaints[-1].error


def test_the_loop_is_woken_for_what_is_to_be_told() -> None:
    woken = Event()
    with Listeners(wake=woken.set) as listeners:
        listeners.start("bell", "probe", lambda: Ear(raises))
        listeners.tell(NEWS)
        assert woken.wait(30)


def test_one_that_fell_behind_hears_how_much_it_has_missed(listeners: Listeners, own: Ear) -> None:
    free = Event()
    late = Ear(lambda: free.wait())
    listeners.start("slow", "probe", lambda: late)
    for _ in range(ROOM + 11):
        listeners.tell(NEWS)
    told = [c.dropped for c in looked(listeners, own) if "full" in c.error]
    free.set()
    eventually(lambda: late.complaints)
    assert told == [late.complaints[0].dropped]
    assert told[0] in (10, 11)  # one may be heard already
