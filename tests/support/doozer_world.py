"""Files in a doozer, written past lbdisc's own reader and registrar."""

from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from pydantic import SecretStr

from lbdisc.testing import eventually
from lbdisc_doozer.connection import DoozerConnection
from lbdisc_doozer.failures import DoozerFailure
from lbdisc_doozer.messages import CLOBBER, Request, Verb
from lbdisc_doozer.settings import DoozerSettings
from lbdisc_lab.servers.doozer import DoozerServer

T = TypeVar("T")


class DoozerWriter:
    """Writes past the proxies, again and again while the server is away."""

    def __init__(self, server: DoozerServer) -> None:
        secret = SecretStr(server.secret) if server.secret else None
        self._settings = DoozerSettings(servers=(f"127.0.0.1:{server.port}",), secret=secret)
        self._connection: DoozerConnection | None = None

    def do(self, verb: Verb, path: str, value: bytes | None = None, rev: int = CLOBBER) -> None:
        self.ask(lambda connection: connection.ask(Request(verb, path, value, rev)))

    def ask(self, work: Callable[[DoozerConnection], T]) -> T:
        def done() -> tuple[T]:
            try:
                return (work(self._connection or self._connect()),)
            except DoozerFailure as error:
                self.close()
                raise AssertionError(repr(error)) from error

        return eventually(done, what="an answer")[0]

    def _connect(self) -> DoozerConnection:
        self._connection = DoozerConnection(self._settings.places[0], self._settings, timeout=2)
        self._connection.begin()
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            with self._connection:
                self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
