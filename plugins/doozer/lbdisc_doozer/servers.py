"""Crash-only connections: whatever fails, the connection is closed and the next server is asked."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import TypeVar

from lbdisc.errors import LbdiscError, RegistrarError, SettingsError, WriteRefused
from lbdisc.stopping import when_set
from lbdisc_doozer.connection import DoozerConnection
from lbdisc_doozer.failures import DoozerDenied, DoozerFailure, ReadOnly, StandingStill, TooLate
from lbdisc_doozer.settings import DoozerSettings, ServerPlace

T = TypeVar("T")
LASTED = 5.0  # seconds; a connection that worked for so long makes earlier failures forgotten
TRIES = 3  # connections in a row that may break soon before a break counts as a failure


class DoozerServers:
    """The servers, asked in turn. Whom to ask next outlives ``open``.

    ``error`` is what is raised when no server helps. Their order is that of ``name``.
    """

    def __init__(
        self,
        settings: DoozerSettings,
        *,
        error: type[LbdiscError],
        timeout: float,
        name: str = "",
    ) -> None:
        self._settings = settings
        self._error = error
        self._timeout = timeout
        self._places = settings.places_for(name)
        self._turn = 0
        self._connection: DoozerConnection | None = None
        self._proven_at = 0.0
        self._again = 0
        self._failures: dict[ServerPlace, DoozerFailure] = {}
        self._stop = Event()

    @contextmanager
    def open(self, stop: Event) -> Iterator[None]:
        """Keep a connection between calls of ``do``; ``stop`` closes it under whatever runs."""
        self._failures, self._again, self._stop = {}, 0, stop
        with when_set(stop, self._stopping):
            try:
                yield
            finally:
                self._drop()

    def do(self, work: Callable[[DoozerConnection], T]) -> T:
        """Do ``work`` with the connection there is, after a failure with the next server's.

        Raises ``error`` after every server failed once in a row and when stopped, to a registrar
        ``WriteRefused`` when all take no writes, and ``SettingsError`` when only an operator helps.
        """
        while not self._stop.is_set():
            place = self._places[self._turn % len(self._places)]
            try:
                done = work(self._connection or self._begin(place))
            except DoozerFailure as failure:
                self._drop()
                if not self._stop.is_set():
                    self._failed(place, failure)
            else:
                self.proven()
                return done
        raise self._error("stopped")

    def run(self, work: Callable[[DoozerConnection], None], stop: Event) -> None:
        """``do`` in an ``open`` of its own; returns when ``work`` is done or ``stop`` is set."""
        try:
            with self.open(stop):
                self.do(work)
        except self._error:
            if not stop.is_set():
                raise

    def proven(self) -> None:
        """The present connection did what it is for; more calls change nothing."""
        self._proven_at = self._proven_at or time.monotonic()

    def _begin(self, place: ServerPlace) -> DoozerConnection:
        self._proven_at = 0.0
        self._connection = DoozerConnection(place, self._settings, timeout=self._timeout)
        if self._stop.is_set():  # who stopped us may not have seen it
            self._connection.close()
        self._connection.begin()
        return self._connection

    def _stopping(self) -> None:
        """In a thread of its own: whoever stops us, a signal handler too, waits for no lock."""
        if self._connection is not None:
            close = self._connection.close
            threading.Thread(target=close, name="lbdisc-doozer-stop", daemon=True).start()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with connection:
                """Closed, and its thread waited for."""

    def _failed(self, place: ServerPlace, failure: DoozerFailure) -> None:
        if self._proven_at and time.monotonic() - self._proven_at > LASTED:
            self._failures.clear()
            self._again = 0
        self._turn += not isinstance(failure, TooLate)
        if self._forgivable(failure) and self._again < TRIES:
            self._again += 1
            return
        self._failures[place] = failure
        if len(self._failures) == len(self._places) or isinstance(failure, DoozerDenied):
            self._give_up()

    def _forgivable(self, failure: DoozerFailure) -> bool:
        """Whether a new connection at once is likely to help."""
        if isinstance(failure, StandingStill | DoozerDenied | ReadOnly):
            return False
        return bool(self._proven_at) or isinstance(failure, TooLate)

    def _give_up(self) -> None:
        failures = self._failures
        reasons = "; ".join(f"{place}: {failure}" for place, failure in failures.items())
        if any(isinstance(failure, DoozerDenied) for failure in failures.values()):
            raise SettingsError(f"doozer: {reasons}")
        if self._error is RegistrarError and all(
            isinstance(failure, ReadOnly) for failure in failures.values()
        ):
            raise WriteRefused(f"no server of doozer.servers takes writes: {reasons}")
        raise self._error(f"no server of doozer.servers answers: {reasons}")
