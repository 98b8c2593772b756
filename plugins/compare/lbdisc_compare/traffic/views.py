"""What each balancer would send requests to, looked at twenty times a second."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Protocol, Self

from lbdisc.errors import LbdiscError
from lbdisc_compare.contenders.contender import ServerState

RATE = 20.0  # looks a second, at each balancer
SILENCE = 1.0  # seconds


class Watchable(Protocol):
    """What is looked at of a seat."""

    @property
    def name(self) -> str: ...

    def servers(self) -> Mapping[str, ServerState]: ...


@dataclass(frozen=True, slots=True)
class Sight:
    """From ``at`` on (monotonic clock) the seat had these servers, until its next ``Sight``."""

    at: float
    seat: str
    servers: Mapping[str, ServerState]

    @property
    def up(self) -> frozenset[str]:
        """Those that would get traffic."""
        return frozenset(name for name, state in self.servers.items() if state == "up")

    @property
    def listed(self) -> frozenset[str]:
        return frozenset(self.servers)


@dataclass(frozen=True, slots=True)
class Reversal:
    """What became of one server in the eyes of a seat: ``up``, ``down``, ``draining``, ``gone``."""

    at: float
    seat: str
    name: str
    what: str


def turns(sights: Sequence[Sight]) -> list[Reversal]:
    """What changed from one sight of a seat to its next; the first of each seat is no change."""
    last: dict[str, Mapping[str, ServerState]] = {}
    found = []
    for sight in sights:
        before = last.get(sight.seat, sight.servers)
        for name in sorted({*before, *sight.servers}):
            state = sight.servers.get(name, "gone")
            if state != before.get(name, "gone"):
                found.append(Reversal(sight.at, sight.seat, name, state))
        last[sight.seat] = sight.servers
    return found


class Lookout:
    """Looks at ``seats`` from threads of their own while the ``with`` lasts.

    A change is seen up to ``1 / rate`` seconds late. A seat that does not answer keeps its last
    sight: it goes on sending to whom it sent before. ``silences`` of more than ``SILENCE`` seconds
    are kept: seat, from when and until when.
    """

    def __init__(self, seats: Sequence[Watchable], rate: float = RATE) -> None:
        self._seats = seats
        self._every = 1 / rate
        self._lock = Lock()
        self._sights: list[Sight] = []
        self.silences: list[tuple[str, float, float]] = []
        self._stop = Event()
        self._threads = [
            Thread(target=self._look, args=(seat,), name=f"look {seat.name}", daemon=True)
            for seat in seats
        ]

    @property
    def sights(self) -> list[Sight]:
        """All changes so far, in their order."""
        with self._lock:
            return sorted(self._sights, key=lambda sight: sight.at)

    def now(self) -> dict[str, Sight]:
        """The newest sight of each seat that has answered."""
        return {sight.seat: sight for sight in self.sights}

    def _look(self, seat: Watchable) -> None:
        last: Mapping[str, ServerState] | None = None
        answered = time.monotonic()
        while not self._stop.is_set():
            at = time.monotonic()
            with suppress(LbdiscError, OSError, RuntimeError, AssertionError, ValueError):
                servers = dict(seat.servers())
                self._heard(seat, answered)
                answered = time.monotonic()
                if servers != last:
                    last = servers
                    with self._lock:
                        self._sights.append(Sight(at, seat.name, servers))
            self._stop.wait(max(0.0, at + self._every - time.monotonic()))
        self._heard(seat, answered)

    def _heard(self, seat: Watchable, before: float) -> None:
        now = time.monotonic()
        if now - before > SILENCE:
            self.silences.append((seat.name, before, now))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)
