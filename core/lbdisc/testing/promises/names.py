"""Promises on a name that two registrars want: the first holds it, the other touches nothing."""

import time
from collections.abc import Callable

from lbdisc.testing.backend import Backend
from lbdisc.testing.promises.common import sees
from lbdisc.testing.roles import SLACK, STOP_WITHIN, Holding, Watching
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint

CHANCE = 1.0  # seconds that a registrar is watched before it is believed to wait


class NamePromises:
    """One name has one holder; who waits for it says so, and touches nothing."""

    def test_first_of_one_name_holds(self, backend: Backend) -> None:
        """Of two registrars with one name the first holds, and the second takes over after it."""
        backend.needs("register", "same_name")
        first, second = _two(backend)
        with Watching(backend.discovery()) as watching:
            with Holding(backend.registrar("s1"), first) as holding:
                sees(watching, backend, first)
                with Holding(backend.registrar("s1"), second) as waiting:
                    waits(waiting, backend)
                    sees(watching, backend, first)
                    holding.stop()
                    deadline = backend.detection + backend.patience
                    sees(watching, backend, second, deadline=deadline)
                    waiting.held(deadline=backend.patience)
            sees(watching, backend)
        assert _ports(watching) == sorted(_ports(watching)), "the two took turns"

    def test_who_never_held_a_name_touches_nothing(self, backend: Backend) -> None:
        """A registrar that only waited for a name stops at once, and the holder's entry stays."""
        backend.needs("register", "same_name")
        first, second = _two(backend)
        with (
            Watching(backend.discovery()) as watching,
            Holding(backend.registrar("s1"), first) as holding,
        ):
            sees(watching, backend, first)
            waiting = Holding(backend.registrar("s1"), second)
            with waiting:
                waits(waiting, backend)
            assert waiting.stopped_in < STOP_WITHIN + SLACK
            assert waiting.end is not None
            assert not waiting.end.held, "it says that it held the name"
            assert waiting.said == [], "it was called registered while another held the name"
            # What a neighbour does is seen after it: so is what the stop may have done.
            neighbour = backend.endpoint("s2")
            with Holding(backend.registrar("s2"), neighbour):
                sees(watching, backend, first, neighbour)
            sees(watching, backend, first)
            assert holding.published, "the holder was disturbed"
            assert watching.seen.states_of(first)[-1:] == ["ready"]
            assert {"draining", "out"}.isdisjoint(_after_ready(watching, first))

    def test_a_cut_gives_no_name_away(self, backend: Backend) -> None:
        """After a lost connection the one that is called registered is the one that is listed."""
        backend.needs("register", "same_name", "cut")
        _agree_after(backend, backend.cut)

    def test_silence_gives_no_name_away(self, backend: Backend) -> None:
        """After a silence, too, the one that is called registered is the one that is listed."""
        backend.needs("register", "same_name", "stall")
        _agree_after(backend, backend.stall)


def _agree_after(backend: Backend, fault: Callable[[], None]) -> None:
    first, second = _two(backend)
    with (
        Watching(backend.discovery()) as watching,
        Holding(backend.registrar("s1"), first) as holding,
    ):
        sees(watching, backend, first)
        with Holding(backend.registrar("s1"), second) as waiting:
            waits(waiting, backend)
            fault()
            watching.failed(deadline=backend.patience)
            backend.heal()
            _agree(backend, watching, holding, waiting)
        assert waiting.end is not None
        if second.port not in _ports(watching):  # else its turn had come, as a lease had ended
            assert not waiting.end.held, "it says that it held the name"
            assert waiting.said == [], "it was called registered while another held the name"


def _agree(backend: Backend, watching: Watching, *rivals: Holding) -> None:
    """What is listed and who is called registered come to be the same, and stay so."""

    def agreed() -> bool:
        latest = watching.seen.latest
        listed = [e.port for e in latest.endpoints] if latest else []
        return [one.endpoint.port for one in rivals if one.published] == listed and listed != []

    def lasting() -> bool:
        end = time.monotonic() + CHANCE
        while agreed():
            if time.monotonic() > end:
                return True
            time.sleep(0.05)
        return False

    deadline = backend.detection + backend.patience
    eventually(lasting, deadline=deadline, what="one holder, listed and called registered")


def waits(waiting: Holding, backend: Backend) -> None:
    """It has asked and was told that it has to wait; given a second more, it still does."""
    eventually(
        lambda: waiting.rival is not None or waiting.errors or waiting.published,
        deadline=backend.patience,
        what="a word on the name that is taken",
    )
    end = time.monotonic() + CHANCE
    while time.monotonic() < end:
        assert not waiting.published, "it was called registered while another held the name"
        time.sleep(0.05)


def _two(backend: Backend) -> tuple[Endpoint, Endpoint]:
    first = backend.endpoint("s1")
    return first, backend.endpoint("s1", port=first.port + 1)


def _ports(watching: Watching) -> list[int]:
    return [e.port for s in watching.seen.snapshots for e in s.endpoints if e.name == "s1"]


def _after_ready(watching: Watching, endpoint: Endpoint) -> list[str]:
    states = watching.seen.states_of(endpoint)
    return states[states.index("ready") :]
