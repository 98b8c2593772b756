"""The ZooKeeper backend keeps the contract: one server, three servers, and one that is secured."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any, ClassVar

import pytest

from lbdisc import records
from lbdisc.testing import Backend, ConnectionSuite, ContractSuite, FaultProxy
from lbdisc.testing.backend import Ability
from lbdisc.values import Endpoint
from lbdisc_lab.servers import zookeeper
from lbdisc_lab.servers.zookeeper.editor import Editor

_prefixes = count()


class ZooKeeperBackend(Backend):
    """A prefix of its own in a running registry, reached through proxies that can fail."""

    name = "zookeeper"
    cannot: ClassVar[dict[Ability, str]] = {
        "compact": "ZooKeeper keeps no history that a watch could go on from",
    }

    def __init__(self, registry: zookeeper.ZooKeeperEnsemble) -> None:
        self._registry = registry
        self._prefix = f"/test-{next(_prefixes)}"
        self._open = ExitStack()
        self._proxies = [
            self._open.enter_context(FaultProxy(int(host.rpartition(":")[2])))
            for host in registry.hosts
        ]
        self._editor = self._open.enter_context(Editor(registry.plain_hosts))

    def settings(self) -> dict[str, object]:
        return self._registry.settings | {
            "zookeeper.hosts": [f"127.0.0.1:{proxy.port}" for proxy in self._proxies],
            "zookeeper.prefix": self._prefix,
            "zookeeper.connect_timeout": 2.0,
        }

    def hostile_names(self) -> tuple[str, ...]:
        return tuple(name for name in super().hostile_names() if "\n" not in name)

    def write(self, endpoint: Endpoint) -> None:
        self.write_raw(endpoint.service, endpoint.name, records.write(endpoint).encode())

    def write_raw(self, service: str, name: str, value: bytes) -> None:
        self._editor.put(f"{self._prefix}/{service}/{name}", value)

    def remove(self, endpoint: Endpoint) -> None:
        self._editor.remove(f"{self._prefix}/{endpoint.service}/{endpoint.name}")

    def cut(self) -> None:
        for proxy in self._proxies:
            proxy.cut()

    def stall(self) -> None:
        for proxy in self._proxies:
            proxy.stall()

    def heal(self) -> None:
        for proxy in self._proxies:
            proxy.heal()
        self._registry.start()

    def restart(self) -> None:
        for index, proxy in enumerate(self._proxies):
            if proxy.connections:
                self._registry.restart(index)

    def restart_all(self) -> None:
        self._registry.restart()

    def kill_leader(self) -> None:
        if len(self._registry.members) == 1:
            self.needs("kill_leader")
        self._registry.kill(self._registry.leader())
        self._registry.leader()

    def wipe(self) -> None:
        with self._editor.away():  # a new ensemble refuses who has seen more than it has
            self._registry.wipe()

    def close(self) -> None:
        self._open.close()


class SingleBackend(ZooKeeperBackend):
    cannot: ClassVar[dict[Ability, str]] = {
        **ZooKeeperBackend.cannot,
        "kill_leader": "a single server has nobody to take over",
    }


@pytest.fixture(scope="class")
def registry(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[zookeeper.ZooKeeperEnsemble]:
    folder = tmp_path_factory.mktemp("zookeeper")
    with zookeeper.start(folder, **request.cls.options) as registry:
        yield registry


class TestZooKeeperContract(ContractSuite):
    plugin = "zookeeper"
    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def backend(self, registry: zookeeper.ZooKeeperEnsemble) -> Iterator[Backend]:
        with SingleBackend(registry) as backend:
            yield backend


class TestZooKeeperSecuredContract(ConnectionSuite):
    """TLS with certificates on both sides, SASL, and ACLs that let nobody else write."""

    plugin = "zookeeper, secured"
    options: ClassVar[dict[str, Any]] = {"sasl": True, "client_certificates": True}

    @pytest.fixture
    def backend(self, registry: zookeeper.ZooKeeperEnsemble) -> Iterator[Backend]:
        with SingleBackend(registry) as backend:
            yield backend


@pytest.mark.seldom
@pytest.mark.timeout(120)  # faults restart three servers on a shared machine
class TestZooKeeperEnsembleContract(ConnectionSuite):
    plugin = "zookeeper, three members"
    options: ClassVar[dict[str, Any]] = {"members": 3}

    @pytest.fixture
    def backend(self, registry: zookeeper.ZooKeeperEnsemble) -> Iterator[Backend]:
        with ZooKeeperBackend(registry) as backend:
            yield backend
