"""Real Serf agents for tests and demos, each on a loopback address of its own."""

import json
import os
import random
import shutil
import signal
import socket
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lbdisc.testing.processes import Process
from lbdisc_lab.servers.machines import Loopback, Machine
from lbdisc_serf.members import Member
from lbdisc_serf.rpc import SerfClient
from lbdisc_serf.settings import GOSSIP_PORT
from lbdisc_serf.wire import RpcError

RPC_PORT = 7373
FIRST_NODE = 50  # last octet of the first node's address; the members' are below


class SerfAgent:
    """A ``serf agent`` without anything of lbdisc, with its own address and folder.

    It runs on ``machine`` and gossips on the address that ``configuration`` binds.
    """

    def __init__(
        self, folder: Path, configuration: Mapping[str, Any], machine: Machine | None = None
    ) -> None:
        self.configuration = {"log_level": "info", **configuration}
        self.name = str(configuration["node_name"])
        self.address = str(configuration["bind"])
        self.key = str(configuration.get("rpc_auth", ""))
        self._file = folder / f"agent-{self.address}.json"
        self._process = Process(
            [*(machine or Loopback()).prefix, _serf(), "agent", f"-config-file={self._file}"],
            log=folder / f"agent-{self.address}.log",
            ready=self._answers,
        )

    @property
    def rpc(self) -> str:
        return f"{self.address}:{RPC_PORT}"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def log(self) -> str:
        return self._process.log_tail(100_000)

    def start(self) -> Self:
        """Start it; returns when it answers."""
        self._file.write_text(json.dumps(self.configuration))
        self._process.start()
        return self

    def _answers(self) -> bool:
        with suppress(RpcError), self.client():
            return True
        return False

    def client(self) -> SerfClient:
        """An RPC client of this agent."""
        return SerfClient((self.address, RPC_PORT), key=self.key, timeout=10.0)

    def members(self) -> tuple[Member, ...]:
        """The members as this agent sees them."""
        with self.client() as client:
            return client.members()

    def alive(self) -> set[str]:
        """The names of the members that this agent believes alive."""
        return {member.name for member in self.members() if member.status == "alive"}

    def tag(self, name: str, value: str | bytes) -> None:
        """Set a tag."""
        with self.client() as client:
            client.tags({name: value})

    def untag(self, name: str) -> None:
        """Delete a tag."""
        with self.client() as client:
            client.tags({}, deleting=[name])

    def join(self, address: str) -> None:
        with self.client() as client:
            client.join([address])

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()

    def leave(self) -> None:
        """SIGINT, at which Serf leaves the cluster; returns when it has ended."""
        self._process.stop(signal.SIGINT)

    def pause(self) -> None:
        self._process.pause()

    def resume(self) -> None:
        self._process.resume()


class SerfCluster:
    """A Serf cluster: the members beside load balancers, and nodes that come and go.

    Made by ``start``. ``settings`` is what the agent beside member 0 needs.
    """

    def __init__(
        self,
        folder: Path,
        *,
        members: int = 1,
        encrypt: bool = False,
        rpc_key: bool = False,
        **configuration: Any,
    ) -> None:
        self.folder = folder
        self.network = free_network()
        self.encrypt = b64encode(os.urandom(32)).decode() if encrypt else ""
        self.rpc_key = os.urandom(12).hex() if rpc_key else ""
        self._configuration = configuration
        self._nodes: list[SerfAgent] = []
        seeds = [f"{self.network}.{number + 1}" for number in range(members)]
        self.members = [
            self._agent(f"member{number}", seed, {"role": "balancer"}, seeds)
            for number, seed in enumerate(seeds)
        ]

    def _agent(
        self, name: str, address: str, tags: Mapping[str, str], seeds: list[str]
    ) -> SerfAgent:
        others = [seed for seed in seeds if seed != address]
        configuration: dict[str, Any] = {
            "node_name": name,
            "bind": address,
            "rpc_addr": f"{address}:{RPC_PORT}",
            "profile": "local",
            "tags": dict(tags),
            "retry_interval": "1s",
        }
        if others:
            configuration["retry_join"] = others
        if self.encrypt:
            configuration["encrypt_key"] = self.encrypt
        if self.rpc_key:
            configuration["rpc_auth"] = self.rpc_key
        return SerfAgent(self.folder, configuration | self._configuration)

    @property
    def seeds(self) -> list[str]:
        return [member.address for member in self.members]

    @property
    def settings(self) -> dict[str, object]:
        """What an agent beside member 0 needs, by dotted keys."""
        return self.member_settings(0)

    def member_settings(self, index: int) -> dict[str, object]:
        """What an agent beside the member ``index`` needs."""
        settings: dict[str, object] = {"serf.rpc": self.members[index].rpc}
        return settings | ({"serf.rpc_key": self.rpc_key} if self.rpc_key else {})

    def node_address(self, index: int) -> str:
        """The loopback address of the ``index``-th node."""
        return f"{self.network}.{FIRST_NODE + index}"

    def node_settings(self, index: int) -> dict[str, object]:
        """What the ``index``-th registrar needs: a managed agent on ``node_address(index)``."""
        address = self.node_address(index)
        settings: dict[str, object] = {
            "serf.agent": "managed",
            "serf.rpc": f"{address}:{RPC_PORT}",
            "serf.bind": f"{address}:{GOSSIP_PORT}",
            "serf.join": tuple(self.seeds),
            "serf.join_interval": 0.5,
            "serf.profile": "local",
            "serf.folder": self.folder / f"managed-{index}",
        }
        secrets = {"serf.rpc_key": self.rpc_key, "serf.encrypt": self.encrypt}
        return settings | {name: secret for name, secret in secrets.items() if secret}

    def node(
        self, name: str, *, tags: Mapping[str, str] | None = None, index: int | None = None
    ) -> SerfAgent:
        """Start a plain agent with ``tags``, ``role=backend`` by default, that joins the others."""
        address = self.node_address(len(self._nodes) if index is None else index)
        given = {"role": "backend"} if tags is None else tags
        node = self._agent(name, address, given, self.seeds)
        self._nodes.append(node)
        return node.start()

    def start(self) -> Self:
        """Start all members; returns when each knows all."""
        try:
            for member in self.members:
                member.start()
            for member in self.members[1:]:
                member.join(self.members[0].address)
        except BaseException:
            self.stop()
            raise
        return self

    def kill(self, index: int = 0) -> None:
        """kill -9 a member."""
        self.members[index].kill()

    def restart(self, index: int = 0) -> None:
        """kill -9 a member and start it again; it knows what it joins, which is nobody if alone."""
        self.members[index].kill()
        self.members[index].start()

    def restart_all(self) -> None:
        for member in self.members:
            member.kill()
        for member in self.members:
            member.start()

    def pause(self, index: int = 0) -> None:
        self.members[index].pause()

    def resume(self, index: int = 0) -> None:
        self.members[index].resume()

    def stop(self) -> None:
        """kill -9 everything that was started."""
        for agent in [*self._nodes, *self.members]:
            agent.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(folder: Path, *, members: int = 1, **options: Any) -> SerfCluster:
    """A running cluster of ``members`` agents, all data in ``folder``.

    Options: ``encrypt=True`` and ``rpc_key=True`` for secrets of its own, and everything that a
    configuration file of Serf knows, such as ``reconnect_timeout="1s"``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return SerfCluster(folder, members=members, **options).start()


def free_network() -> str:
    """The first three octets of a loopback network that nobody else uses, chosen at random."""
    while True:
        network = f"127.{random.randint(64, 254)}.{random.randint(1, 254)}"
        with suppress(OSError), socket.socket() as probe:
            probe.bind((f"{network}.1", GOSSIP_PORT))
            return network


def _serf() -> str:
    found = shutil.which("serf")
    if found is None:
        raise RuntimeError("serf is missing: install the Debian package serf")
    return found
