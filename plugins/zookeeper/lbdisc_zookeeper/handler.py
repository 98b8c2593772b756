"""kazoo's threads, with our connections: given up at once, and with a reason; and its log."""

import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from ssl import SSLContext
from threading import Event, Thread
from typing import Any

import structlog
from kazoo.handlers.threading import SequentialThreadingHandler

from lbdisc_zookeeper import probing, sockets
from lbdisc_zookeeper.trust import Contexts

_ASKING = 1.0  # seconds until no further silent member is asked
_log = structlog.get_logger("lbdisc.zookeeper")


class Handler(SequentialThreadingHandler):  # type: ignore[misc]  # kazoo is untyped
    """``renew`` is called before each connection: it brings what else a login needs.

    Raises ``SettingsError`` when made, for ``contexts`` that cannot be used.
    """

    def __init__(self, contexts: Contexts, renew: Callable[[], None]) -> None:
        super().__init__()
        self._contexts = contexts
        self._renew = renew
        contexts.current()  # raises while it is nobody else's thread
        self.reasons: dict[str, str] = {}
        self._silent: dict[str, tuple[str, tuple[str, int]]] = {}  # that took connections
        self.crash: Exception | None = None
        self._given_up = Event()
        self._current: socket.socket | None = None

    def create_connection(
        self, address: tuple[str, int], hostname: str = "", timeout: float = 10.0, **_: object
    ) -> socket.socket:
        host = hostname or address[0]
        member = f"{host}:{address[1]}"
        self._silent.pop(member, None)
        self.reasons.setdefault(member, "no answer (see zookeeper.hosts)")
        self._renew()
        context = self._contexts.current()
        try:
            self._current = sockets.connect(
                address, host=host, timeout=timeout, context=context, given_up=self._given_up
            )
        except OSError as error:
            self.reasons[member] = self._contexts.explained(error)
            raise
        self.reasons[member] = "it took the connection, and has not answered"
        self._silent[member] = host, address
        return self._current

    def forget_reasons(self) -> None:
        """There is a connection."""
        self.reasons.clear()
        self._silent.clear()

    def ask_the_silent(self, stop: Event) -> None:
        """Find reasons for those that took a connection and did not answer; takes a second."""
        silent, until = [*self._silent.items()], time.monotonic() + _ASKING
        for member, (host, address) in silent:
            if time.monotonic() > until or stop.is_set():
                return

            def connect(
                context: SSLContext | None, host: str = host, address: tuple[str, int] = address
            ) -> socket.socket:
                return sockets.connect(
                    address,
                    host=host,
                    timeout=probing.CONNECTING,
                    context=context,
                    given_up=stop,
                )

            context = self._contexts.current()
            self.reasons[member] = probing.cause(connect, context, self._contexts.explained)

    def select(
        self, readers: list[Any], writers: list[Any], _: object, timeout: float | None = None
    ) -> tuple[list[Any], list[Any], list[Any]]:
        return (*sockets.wait(readers, writers, timeout), [])

    def dispatch_callback(self, callback: Any) -> None:
        """Run a watch's callback at once, on the thread that reads the connection.

        So a signal is told before the answer to any request that already saw its cause;
        through kazoo's queue of callbacks it might come after.
        """
        callback.func(*callback.args)

    def spawn(self, work: Callable[..., object], *args: object, **kwargs: object) -> Thread:
        def guarded() -> None:
            try:
                work(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - a thread of kazoo; its user is told
                self.crash = error

        thread = Thread(target=guarded, name="lbdisc-zookeeper", daemon=True)
        thread.start()
        return thread

    def give_up(self) -> None:
        """Break the connection, and every attempt at one."""
        self._given_up.set()
        if self._current is not None:
            with suppress(OSError):
                self._current.shutdown(socket.SHUT_RDWR)


class Heard(logging.Handler):
    """Keeps kazoo's last warning; its debug lines, which hold passwords, are never made."""

    def __init__(self) -> None:
        super().__init__()
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = (record.getMessage().splitlines() or [""])[0]
        _log.debug("kazoo", says=self.last)
