"""The Serf backend keeps the contract: with one agent, with three, and with keys."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lbdisc.testing import (
    Backend,
    ConnectionSuite,
    ContractSuite,
    FaultProxy,
    RegistrarProcess,
    eventually,
)
from lbdisc.testing.backend import Ability
from lbdisc.values import Endpoint
from lbdisc_lab.servers import serf
from lbdisc_serf import tags

HOSTILE_TAGS: dict[str, bytes] = {
    "empty": b"",
    "no port": b";weight=1",
    "not UTF-8": b"80;zone=\xff\xfe",
    "percent that is no UTF-8": b"80;zone=%ff",
    "NUL": b"\x00\x00\x00\x00",
    "port zero": b"0",
    "port too large": b"65536",
    "port with words": b"80 check",
    "port in other digits": "８０".encode(),
    "port negative": b"-80",
    "server line": b"80\n    server evil 10.6.6.6:80",
    "weight too large": b"80;weight=257",
    "weight not a number": b"80;weight=NaN",
    "weight twice": b"80;weight=1;weight=2",
    "state unknown": b"80;state=gone",
    "tag with a newline": b"80;zone=a%0A    server evil",
    "tag name with words": b"80;a b=c",
    "tag without a text": b"80;backup",
    "record of another backend": b'{"address": "10.0.0.66", "port": 80}',
}


BYSTANDER = 150  # its address is none of a node's


class SerfBackend(Backend):
    """Nodes are managed agents of registrars, or plain agents where ``write`` makes them."""

    name = "serf"
    cannot: ClassVar[dict[Ability, str]] = {
        "addresses": "an endpoint has the address of its member",
        "at_once": "gossip takes a moment from one agent to the next",
        "kill_leader": "gossip has no leader",
        "wipe": "the members themselves are the data",
        "compact": "gossip keeps no history",
        "own_services": "a load balancer's managed agent is started by the discovery beside it",
        "start_unreachable": "a managed agent waits for its cluster without an error",
    }
    detection = 25.0
    patience = 20.0
    size = 20
    changes = 100
    members = 1
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, folder: Path) -> None:
        self.registry = serf.start(folder / "serf", members=self.members, **self.options)
        self._proxy = FaultProxy(serf.RPC_PORT, host=self.registry.members[0].address)
        self._nodes: dict[str, serf.SerfAgent] = {}
        self._indices: dict[str, int] = {}
        # Whom the watched agent goes on seeing when a node fails: alone it would not be believed.
        self.registry.node("bystander", tags={}, index=BYSTANDER)

    def settings(self) -> dict[str, object]:
        proxied = {"serf.rpc": f"127.0.0.1:{self._proxy.port}", "serf.timeout": 1.0}
        return self.registry.settings | proxied

    def _index(self, node: str) -> int:
        return self._indices.setdefault(node, len(self._indices))

    def node_settings(self, node: str) -> dict[str, object]:
        return self.registry.node_settings(self._index(node))

    def endpoint(self, name: str, *, service: str = "nodes", port: int = 3000) -> Endpoint:
        address = self.registry.node_address(self._index(name))
        return Endpoint(service=service, name=name, address=address, port=port)

    def spawn(self, endpoint: Endpoint, folder: Path) -> RegistrarProcess:
        log = folder / f"{endpoint.name}.log"
        return _Host(self.name, self.node_settings(endpoint.name), endpoint, log=log)

    def write(self, endpoint: Endpoint) -> None:
        self.write_raw(endpoint.service, endpoint.name, tags.write(endpoint).encode())

    def write_raw(self, service: str, name: str, value: bytes) -> None:
        tag = tags.tag_name(service)
        self._node(name).tag(tag, value)
        self._spread(name, tag, value.decode("utf-8", errors="surrogateescape"))

    def _spread(self, name: str, tag: str, value: str | None) -> None:
        """Gossip takes its time: a write is done when the watched agent knows of it."""

        def told() -> bool:
            found = {member.name: member for member in self.registry.members[0].members()}
            return name in found and found[name].tags.get(tag) == value

        eventually(told, what=f"{tag} of {name} at the watched agent")

    def _node(self, name: str) -> serf.SerfAgent:
        if name not in self._nodes:
            self._nodes[name] = self.registry.node(name, tags={}, index=self._index(name))
        return self._nodes[name]

    def remove(self, endpoint: Endpoint) -> None:
        tag = tags.tag_name(endpoint.service)
        self._node(endpoint.name).untag(tag)
        self._spread(endpoint.name, tag, None)

    def hostile_records(self) -> Mapping[str, bytes]:
        return HOSTILE_TAGS

    def valid_record(self, endpoint: Endpoint) -> bytes:
        return tags.write(endpoint).encode()

    def cut(self) -> None:
        self._proxy.cut()

    def stall(self) -> None:
        self._proxy.stall()

    def heal(self) -> None:
        self._proxy.heal()

    def restart(self) -> None:
        self.registry.restart()

    def restart_all(self) -> None:
        self.registry.restart_all()

    def close(self) -> None:
        self._proxy.close()
        self.registry.stop()


class _Host(RegistrarProcess):
    """A host with a registrar and the agent it manages: both freeze."""

    def _children(self) -> list[int]:
        found: list[int] = []
        for children in Path(f"/proc/{self.pid}/task").glob("*/children"):
            found += map(int, children.read_text().split())
        return found

    def pause(self) -> None:
        for child in self._children():
            os.kill(child, signal.SIGSTOP)
        super().pause()

    def resume(self) -> None:
        with suppress(FileNotFoundError):
            for child in self._children():
                os.kill(child, signal.SIGCONT)
        super().resume()


class ThreeAgents(SerfBackend):
    members = 3


class Secured(SerfBackend):
    """External agents that ask for a key, in an encrypted cluster."""

    cannot: ClassVar[dict[Ability, str]] = {
        "addresses": "an endpoint has the address of its member",
        "at_once": "gossip takes a moment from one agent to the next",
        "kill_leader": "gossip has no leader",
        "wipe": "the members themselves are the data",
        "compact": "gossip keeps no history",
        "expire": "an agent that runs on keeps the tag of a registrar that died",
    }
    options: ClassVar[dict[str, Any]] = {"encrypt": True, "rpc_key": True}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._node_proxies: dict[str, FaultProxy] = {}
        self._is_cut = False

    def node_settings(self, node: str) -> dict[str, object]:
        if node not in self._node_proxies:
            proxy = FaultProxy(serf.RPC_PORT, host=self._node(node).address)
            self._node_proxies[node] = proxy
            if self._is_cut:
                proxy.cut()
        rpc = f"127.0.0.1:{self._node_proxies[node].port}"
        return {"serf.rpc": rpc, "serf.rpc_key": self.registry.rpc_key}

    def cut(self) -> None:
        self._is_cut = True
        super().cut()
        for proxy in self._node_proxies.values():
            proxy.cut()

    def heal(self) -> None:
        self._is_cut = False
        super().heal()
        for proxy in self._node_proxies.values():
            proxy.heal()

    def close(self) -> None:
        for proxy in self._node_proxies.values():
            proxy.close()
        super().close()


class TestSerfContract(ContractSuite):
    plugin = "serf"

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        with SerfBackend(tmp_path) as backend:
            yield backend


@pytest.mark.seldom
class TestSerfContractWithThreeAgents(ConnectionSuite):
    plugin = "serf (three agents)"

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        with ThreeAgents(tmp_path) as backend:
            yield backend


class WithKeys:
    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        with Secured(tmp_path) as backend:
            yield backend


class TestSerfContractWithKeys(WithKeys, ConnectionSuite):
    plugin = "serf (external agents, keys)"


@pytest.mark.seldom
class TestSerfWholeContractWithKeys(WithKeys, ContractSuite):
    plugin = "serf (external agents, keys)"
