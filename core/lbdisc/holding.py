"""Holding the endpoint in the registry: a thread around a registrar, with back-off."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from lbdisc import draining
from lbdisc.backoff import Backoff
from lbdisc.errors import LbdiscError, RegistrarError, SettingsError
from lbdisc.hooks import Registrar
from lbdisc.settings import AgentSettings
from lbdisc.values import Endpoint

HOPELESS = (10.0, 60.0)  # seconds between attempts when an operator has to mend something first
_log = structlog.get_logger("lbdisc.register")


class Listener(Protocol):
    """Is told what becomes of the endpoint, from the holding thread."""

    def published(self, endpoint: Endpoint) -> None:
        """The registry holds ``endpoint``."""

    def refused(self, error: LbdiscError) -> None:
        """The registry cannot be told now; it is tried again."""

    def left(self, error: LbdiscError | None) -> None:
        """The thread is over; ``error`` is why the registry may still hold the endpoint."""


@dataclass(slots=True)
class _Reading:
    """What the registrar was given in this attempt, and what it has dealt with."""

    begun: bool = False
    given: Endpoint | None = None
    published: Endpoint | None = None


class Holder:
    """Holds one endpoint until told to leave. One use: start, perhaps drain, leave.

    A registrar does not say when the registry has the endpoint. It reads the endpoint again and
    again, though, so what it was given before has been published when it comes for the next. The
    first reading of an attempt does not count: it may be for the name only, before a connection.
    """

    def __init__(
        self,
        registrar: Registrar,
        endpoint: Callable[[], Endpoint],
        listener: Listener,
        pace: AgentSettings,
    ) -> None:
        self._registrar = registrar
        self._endpoint = endpoint
        self._listener = listener
        self._soon = Backoff(pace.retry_first, pace.retry_most)
        self._late = Backoff(*HOPELESS)
        self._draining = threading.Event()
        self._drain_name = draining.new_drain()
        self._stop = threading.Event()
        self._reading = _Reading()
        self._thread = threading.Thread(target=self._run, name="hold", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def drain(self) -> None:
        """From now on the endpoint is draining."""
        self._draining.set()

    def leave(self) -> None:
        """Take the endpoint out; returns at once, the listener hears when it is done."""
        self._stop.set()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def _run(self) -> None:
        error = None
        while not self._stop.is_set():
            self._reading = _Reading()
            error = self._attempt()
            if error is not None and not self._stop.is_set():
                self._listener.refused(error)
                hopeless = isinstance(error, SettingsError)
                self._stop.wait((self._late if hopeless else self._soon).next())
                error = None
        self._listener.left(error)

    def _attempt(self) -> LbdiscError | None:
        try:
            self._registrar.hold(self._read, self._stop)
        except LbdiscError as error:
            return error
        except Exception as error:  # noqa: BLE001 - foreign code; a broken plugin stops no instance
            _log.exception("the registrar broke")
            return RegistrarError(f"the registrar broke: {type(error).__name__}")
        return None if self._stop.is_set() else RegistrarError("the registrar gave up by itself")

    def _read(self) -> Endpoint:
        endpoint = self._endpoint()
        if self._draining.is_set():
            endpoint = draining.begun(endpoint, self._drain_name)
        reading = self._reading
        if reading.given is not None and reading.given != reading.published:
            reading.published = reading.given
            self._soon.reset()
            self._late.reset()
            self._listener.published(reading.given)
        if reading.begun:
            reading.given = endpoint
        reading.begun = True
        return endpoint
