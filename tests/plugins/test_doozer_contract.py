"""The doozer backend keeps the contract: on our own server of the protocol, and on doozerd."""

import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, ClassVar

import pytest

from lbdisc import records
from lbdisc.testing import Ability, Backend, ConnectionSuite, ContractSuite, FaultProxy, eventually
from lbdisc.values import Endpoint
from lbdisc_doozer.connection import DoozerConnection
from lbdisc_doozer.failures import TooLate
from lbdisc_doozer.messages import Request, Verb
from lbdisc_doozer.names import encoded
from lbdisc_doozer.reading import revision_of
from lbdisc_doozer.registrar import LARGEST
from lbdisc_lab.servers.doozer import DoozerServer, start
from lbdisc_lab.servers.doozer.registry import doozerd
from support.doozer_world import DoozerWriter

SECRET = "only for tests"
_prefixes = count()


class DoozerBackend(Backend):
    """A prefix of its own on a server that the plugin reaches through a proxy."""

    name = "doozer"
    detection = 15.0  # a ttl of 3, and what a busy machine adds
    cannot: ClassVar[dict[Ability, str]] = {
        "kill_leader": "with one server nobody is left to follow",
    }

    def __init__(self, server: DoozerServer) -> None:
        self._server = server
        self._writer = DoozerWriter(server)
        self._proxy = FaultProxy(server.port)
        self._prefix = f"/test-{next(_prefixes)}"

    def settings(self) -> dict[str, object]:
        return self._server.settings | {
            "doozer.servers": [f"127.0.0.1:{self._proxy.port}"],
            "doozer.prefix": self._prefix,
            "doozer.ttl": 3,
        }

    def hostile_names(self) -> tuple[str, ...]:
        ours = ("..", ".-", "a.-q", ".-u", "-", "n" * 1000)
        possible = (
            name for name in super().hostile_names() if re.fullmatch("[A-Za-z0-9.-]+", name)
        )
        return (*possible, *ours)

    def write(self, endpoint: Endpoint) -> None:
        self.write_raw(endpoint.service, encoded(endpoint.name), records.write(endpoint).encode())

    def write_raw(self, service: str, name: str, value: bytes) -> None:
        self._writer.do(Verb.SET, f"{self._prefix}/{encoded(service)}/{name}", value)

    def remove(self, endpoint: Endpoint) -> None:
        name = encoded(endpoint.name)
        self._writer.do(Verb.DEL, f"{self._prefix}/{encoded(endpoint.service)}/{name}")

    def cut(self) -> None:
        self._proxy.cut()

    def stall(self) -> None:
        self._proxy.stall()

    def heal(self) -> None:
        self._proxy.heal()
        self._server.resume()
        self._server.start()

    def restart(self) -> None:
        self._server.restart()

    def restart_all(self) -> None:
        self._server.restart()

    def wipe(self) -> None:
        self._server.wipe()

    def compact(self) -> None:
        """Write until what there is now is older than all that the server remembers."""

        def forgotten(connection: DoozerConnection) -> bool:
            try:
                connection.ask(Request(Verb.GET, "/ctl/name", rev=began))
            except TooLate:
                return True
            return False

        began = self._writer.ask(revision_of)
        for _ in range(self._server.history + 1):
            self._writer.ask(lambda connection: connection.ask(Request(Verb.NOP)))
        eventually(lambda: self._writer.ask(forgotten), what="the end of the history")

    def close(self) -> None:
        self._writer.close()
        self._proxy.close()


class RealBackend(DoozerBackend):
    """On doozerd."""

    cannot: ClassVar[dict[Ability, str]] = {
        **DoozerBackend.cannot,
        "restart": "doozerd keeps everything in memory",
        "restart_all": "doozerd keeps everything in memory",
    }

    def hostile_records(self) -> Mapping[str, bytes]:
        """Those that doozerd takes: a larger one it never answers."""
        every = super().hostile_records()
        return {what: value for what, value in every.items() if len(value) <= LARGEST}


@pytest.fixture(scope="class")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DoozerServer]:
    """One server for all tests of a class, as its ``options`` want it."""
    with start(tmp_path_factory.mktemp("doozer"), **request.cls.options) as server:
        yield server


class TestDoozerContract(ContractSuite):
    plugin = "doozer, on a server of our own"
    options: ClassVar[dict[str, Any]] = {"history": 500}

    @pytest.fixture
    def backend(self, server: DoozerServer) -> Iterator[Backend]:
        with DoozerBackend(server) as backend:
            yield backend


class TestDoozerSecretContract(ConnectionSuite):
    plugin = "doozer, on a server of our own, with secrets"
    options: ClassVar[dict[str, Any]] = {"secret": SECRET, "read_secret": "another"}

    @pytest.fixture
    def backend(self, server: DoozerServer) -> Iterator[Backend]:
        with DoozerBackend(server) as backend:
            yield backend


class TestDoozerdContract(ContractSuite):
    """Where doozerd is on the PATH: no distribution has it."""

    __test__ = doozerd() is not None
    plugin = "doozer, on doozerd"
    options: ClassVar[dict[str, Any]] = {"history": 500, "program": doozerd()}

    @pytest.fixture
    def backend(self, server: DoozerServer) -> Iterator[Backend]:
        with RealBackend(server) as backend:
            yield backend
