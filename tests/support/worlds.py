"""Real registries with nodes that registered themselves, and the faults that befall them."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import psutil

from lbdisc import records
from lbdisc.testing.entries import HOSTILE_RECORDS
from lbdisc.testing.processes import Process, accepts, free_port
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from support.logs import show_logs
from support.scene import LBDISC

SERVER_CLOCK = (
    "no time of day is in its records, and a test may not set the machine's clock: leases, sessions"
    " and suspicions run on the monotonic clock, and so does the agent"
)
NODES = ("s1", "s2", "s3", "s4")
TTL = 2  # seconds that an entry outlives its registrar
LATE = "late"  # a node whose entry the tests write by hand, at any pace
Tables = dict[str, dict[str, Any]]


class Node:
    """A host: a web app and its `lbdisc register`, which die apart or together."""

    def __init__(
        self, name: str, address: str, settings: Mapping[str, object], folder: Path
    ) -> None:
        self.endpoint = Endpoint(
            service="nodes", name=name, address=address, port=free_port(address)
        )
        place = ["--address", address, "--port", str(self.endpoint.port), "--name", name]
        self.app = Process(
            [sys.executable, "-m", "lbdisc_lab.webapp", *place], log=folder / f"app-{name}.log"
        )
        sets = [word for key, v in settings.items() for word in ("--set", f"{key}={_flat(v)}")]
        state = ["--set", f"state_dir={folder / name}"]
        self.registrar = Process(
            [LBDISC, "register", "--check", "none", *place, *state, *sets],
            log=folder / f"register-{name}.log",
        )

    def launch(self) -> None:
        """Start what does not run, without waiting."""
        for process in (self.app, self.registrar):
            if not process.running:
                process.start()

    def _registering(self) -> list[psutil.Process]:
        if not self.registrar.running:
            return []
        own = psutil.Process(self.registrar.pid)
        return [own, *own.children(recursive=True)]

    def kill_registrar(self) -> None:
        """kill -9 it and what it supervises, as a host's end does; the app serves on."""
        processes = self._registering()
        self.registrar.kill()
        for process in processes[1:]:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def freeze(self) -> None:
        """SIGSTOP for the registrar and what it supervises; the app serves on."""
        for process in self._registering():
            process.suspend()

    def thaw(self) -> None:
        """End ``freeze``."""
        for process in self._registering():
            process.resume()

    def kill(self) -> None:
        """kill -9 all of it."""
        self.app.kill()
        self.kill_registrar()


def _serves(node: Node) -> bool:
    return accepts(node.endpoint.port, node.endpoint.address)


def _flat(value: object) -> object:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value


class World(ABC):
    """A registry, four nodes in it, and one that the tests list by hand.

    `cannot` names the faults that a registry of this kind cannot have, with the reason; `slow`
    those that take so long that only the whole matrix has them.
    """

    name: ClassVar[str]
    cannot: ClassVar[dict[str, str]] = {}
    slow: ClassVar[dict[str, str]] = {}
    hostile: ClassVar[Mapping[str, bytes]] = HOSTILE_RECORDS
    at_once: ClassVar[bool] = True  # whether all who are cut off are found gone at about once
    secret: ClassVar[str] = ""  # the setting with the password or key
    leases: ClassVar[str] = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()
        self._stack.callback(self._end_nodes)
        self.nodes: dict[str, Node] = {}
        try:
            self.open()
            for index, name in enumerate((*NODES, LATE)):
                settings = {"backend": self.name, **self.node_settings(index)}
                self.nodes[name] = Node(name, self.address(index), settings, folder)
            self.late = self.nodes.pop(LATE)
            self._stack.callback(self.late.app.kill)
            self.late.app.start()
            self.heal()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def open(self) -> None:
        """Start the servers."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What an agent needs, by dotted keys; its way to the registry can be cut."""

    def node_settings(self, index: int) -> Mapping[str, object]:
        return self.settings

    def address(self, index: int) -> str:
        return "127.0.0.1"

    @property
    def tables(self) -> Tables:
        """`settings` as tables of the settings file."""
        tables: Tables = {"core": {"backend": self.name}}
        for key, value in self.settings.items():
            table, _, name = key.partition(".")
            plain = list(value) if isinstance(value, tuple | list) else value
            tables.setdefault(table, {})[name] = str(plain) if isinstance(plain, Path) else plain
        return tables

    @abstractmethod
    def listed(self) -> set[str]:
        """The names that the registry itself has now. Raises ``OSError`` while it is away."""

    @abstractmethod
    def put_raw(self, name: str, value: bytes) -> None:
        """Write an entry by hand."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove an entry that was written by hand."""

    def join_late(self) -> None:
        """List the late node."""
        self.put_raw(LATE, records.write(self.late.endpoint).encode())

    @abstractmethod
    def kill(self) -> None:
        """The registry dies."""

    @abstractmethod
    def restart(self) -> None:
        """It is back, with its data as far as it keeps any."""

    @abstractmethod
    def pause(self) -> None:
        """It freezes."""

    @abstractmethod
    def resume(self) -> None:
        """It goes on."""

    @abstractmethod
    def wipe(self) -> None:
        """All its data is lost."""

    def forget(self) -> None:
        """It no longer knows what it knew; the nodes live."""
        self.wipe()

    def jump(self, seconds: float) -> None:
        """What the registry knows was written so many seconds from now, by the clock."""
        raise NotImplementedError(self.cannot["clock"])

    def backup(self) -> None:
        """Keep what it holds now."""
        raise NotImplementedError(self.cannot["history"])

    def restore(self) -> None:
        """It holds what was kept, and others have written more since than it had seen before."""
        raise NotImplementedError(self.cannot["history"])

    def rebuild(self) -> None:
        """It is set up anew, and others have written more since than it had seen before."""
        raise NotImplementedError(self.cannot["history"])

    @abstractmethod
    def cut(self) -> None:
        """The agent's way to it is cut; the nodes' is not."""

    @abstractmethod
    def mend(self) -> None:
        """The agent's way is open again, and leads to it."""

    @abstractmethod
    def swap(self) -> None:
        """The agent's way leads to another registry, which has the late node alone.

        ``listed`` tells of that one then. ``mend`` ends it.
        """

    @abstractmethod
    def cut_nodes(self) -> None:
        """The nodes' way to it is cut; the agent's is not."""

    @abstractmethod
    def mend_nodes(self) -> None:
        """The nodes' way is open again."""

    def isolate(self) -> None:
        """What the agent reaches of it has lost the majority, or everybody else."""
        raise NotImplementedError(self.cannot["alone"])

    def lease_of(self, name: str) -> str:
        """What the entry of the node lives by, as lbdisc is to call it."""
        return self.leases.format(name)

    def rotate(self) -> None:
        """Another password or key counts; the agent begins anew and has the old one."""
        raise NotImplementedError(self.cannot["rotate"])

    def hand_out(self) -> None:
        """What ``rotate`` made is where agent and nodes find it."""
        raise NotImplementedError(self.cannot["rotate"])

    def heal(self) -> None:
        """As at the start: everything runs and is listed, and nothing else is."""
        self.mend()
        self.mend_nodes()
        self.resume()
        self.restart()
        for node in self.nodes.values():
            node.launch()
        for node in (*self.nodes.values(), self.late):
            eventually(partial(_serves, node), what=f"{node.endpoint.name} to serve")
        for name in eventually(lambda: [self.listed()], what="an answer")[0] - set(self.nodes):
            self.remove(name)
        eventually(
            lambda: self.listed() == set(self.nodes), deadline=40, what="all nodes to be listed"
        )

    def _end_nodes(self) -> None:
        for node in self.nodes.values():
            node.kill()

    def close(self) -> None:
        """End every process."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            show_logs(self.folder, "register-*.log", most=1500)
        self.close()
