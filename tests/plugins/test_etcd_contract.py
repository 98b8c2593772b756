"""The etcd backend keeps the contract: one server, three members, and TLS with logins."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from lbdisc import records
from lbdisc.testing import Ability, Backend, ConnectionSuite, ContractSuite, FaultProxy, eventually
from lbdisc.values import Endpoint
from lbdisc_etcd import stubs
from lbdisc_lab.servers.etcd import EtcdCluster, start
from lbdisc_lab.servers.etcd.etcdctl import PASSWORD, PREFIX, USER

etcd3: Any = stubs.imported()


class Writer:
    """etcd3's own client: writes past the proxies, on whichever member answers."""

    def __init__(self, registry: EtcdCluster) -> None:
        self._registry = registry
        self._client: Any = None

    def do(self, work: Callable[[Any], object]) -> None:
        """Do ``work`` with the client, again and again while members fail."""

        def done() -> bool:
            try:
                self._client = self._client or self._connect()
                work(self._client)
            except Exception as error:
                self.close()
                raise AssertionError(repr(error)) from error
            return True

        eventually(done, what="a write")

    def _connect(self) -> Any:
        server = next(server for server in self._registry.servers if server.running)
        secrets: dict[str, object] = {}
        if tls := self._registry.certificates:
            secrets = {
                "ca_cert": tls.authority.cert,
                "cert_cert": tls.client.cert,
                "cert_key": tls.client.key,
                "user": USER,
                "password": PASSWORD,
            }
        return etcd3.client(host="127.0.0.1", port=server.client_port, timeout=2, **secrets)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None


class EtcdBackend(Backend):
    """A cluster, emptied for each test, that the plugin reaches through proxies."""

    name = "etcd"
    detection = 15.0  # a ttl of 3, and what a busy machine adds

    def __init__(self, registry: EtcdCluster) -> None:
        self._registry = registry
        self._writer = Writer(registry)
        self._proxies = [FaultProxy(server.client_port) for server in registry.servers]

    def settings(self) -> dict[str, object]:
        urls = [
            f"{server.scheme}://127.0.0.1:{proxy.port}"
            for server, proxy in zip(self._registry.servers, self._proxies, strict=True)
        ]
        return self._registry.settings | {
            "etcd.endpoints": urls,
            "etcd.shuffle": False,
            "etcd.ttl": 3,
        }

    def write(self, endpoint: Endpoint) -> None:
        self.write_raw(endpoint.service, endpoint.name, records.write(endpoint).encode())

    def write_raw(self, service: str, name: str, value: bytes) -> None:
        self._writer.do(lambda client: client.put(f"{PREFIX}/{service}/{name}", value))

    def remove(self, endpoint: Endpoint) -> None:
        key = f"{PREFIX}/{endpoint.service}/{endpoint.name}"
        self._writer.do(lambda client: client.delete(key))

    def cut(self) -> None:
        for proxy in self._proxies:
            proxy.cut()

    def stall(self) -> None:
        for proxy in self._proxies:
            proxy.stall()

    def heal(self) -> None:
        for proxy in self._proxies:
            proxy.heal()
        self._registry.resume()
        self._registry.start()

    def restart(self) -> None:
        self._registry.restart(0)

    def restart_all(self) -> None:
        self._registry.restart()

    def kill_leader(self) -> None:
        self._registry.kill(self._registry.leader())

    def wipe(self) -> None:
        self._registry.wipe()

    def compact(self) -> None:
        self._registry.cli.compact()

    def close(self) -> None:
        self._writer.do(lambda client: client.delete_prefix(f"{PREFIX}/"))
        self._writer.close()
        for proxy in self._proxies:
            proxy.close()


class SingleBackend(EtcdBackend):
    cannot: ClassVar[dict[Ability, str]] = {
        "kill_leader": "with one server nobody is left to follow"
    }


@pytest.fixture(scope="class")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EtcdCluster]:
    """One cluster for all tests of a class, as its ``options`` want it."""
    options: dict[str, Any] = request.cls.options
    with start(tmp_path_factory.mktemp("etcd"), **options) as registry:
        yield registry


class OnCluster:
    """The backend of a class with ``options``."""

    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def backend(self, cluster: EtcdCluster) -> Iterator[Backend]:
        kind = SingleBackend if len(cluster.servers) == 1 else EtcdBackend
        with kind(cluster) as backend:
            yield backend


class TestEtcdContract(OnCluster, ContractSuite):
    plugin = "etcd"


@pytest.mark.seldom
class TestEtcdClusterContract(OnCluster, ConnectionSuite):
    plugin = "etcd, three members"
    options: ClassVar[dict[str, Any]] = {"members": 3}


class TestEtcdSecureContract(OnCluster, ConnectionSuite):
    plugin = "etcd, TLS and login"
    options: ClassVar[dict[str, Any]] = {"tls": True, "auth": True}
