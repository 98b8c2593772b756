"""What all alternatives are made of: programs on hosts, and nodes that are served."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil

from lbdisc.testing.processes import Process, accepts
from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import Part
from lbdisc_compare.hosts.host import Host, HostSet

NODE_PORT = 3000  # of each node, on its own address
WEBAPP = Path(__file__).with_name("webapp.py")


class ProgramPart:
    """Processes that are one part of a way, the first of them first. They are not started yet."""

    def __init__(self, name: str, host: Host, *processes: Process) -> None:
        self.name = name
        self.host = host
        self._processes = processes

    @property
    def pids(self) -> Sequence[int]:
        found: list[int] = []
        for process in self._processes:
            if process.running:
                with suppress(psutil.NoSuchProcess):
                    children = psutil.Process(process.pid).children(recursive=True)
                    found += [process.pid, *(child.pid for child in children)]
        return found

    @property
    def running(self) -> bool:
        return all(process.running for process in self._processes)

    def start(self) -> None:
        for process in self._processes:
            process.start()

    def kill(self) -> None:
        for process in reversed(self._processes):
            process.kill()

    def stop(self) -> None:
        """Ask them to end; returns when they have."""
        for process in reversed(self._processes):
            process.stop()

    def pause(self) -> None:
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def _send(self, number: int) -> None:
        for process in self._processes:
            if process.running:
                os.killpg(process.pid, number)


class WebNodes:
    """The nodes' places and web apps, each on a host of its own."""

    def __init__(self, hosts: HostSet) -> None:
        self._hosts = hosts
        self._apps: dict[str, Process] = {}

    def host(self, name: str) -> Host:
        return self._hosts.host(name)

    def place(self, name: str) -> tuple[str, int]:
        return self.host(name).address, NODE_PORT

    def app(self, name: str) -> Process:
        """Its web app, which is not started yet."""
        host = self.host(name)
        command = (sys.executable, "-IS", WEBAPP, name, host.address, NODE_PORT)
        return host.process(*map(str, command), log=self._hosts.folder / f"{name}.log")

    def serve(self, *names: str) -> None:
        """Start them side by side; returns when all answer."""
        fresh = [name for name in names if name not in self._apps]
        for name in fresh:
            self._apps[name] = self.app(name).start()
        for name in fresh:
            self.wait(name)

    def wait(self, name: str) -> None:
        """Until the node's web app answers."""
        address, port = self.place(name)
        eventually(lambda: accepts(port, address), what=f"the web app of {name}", every=0.005)

    def stop(self) -> None:
        for app in self._apps.values():
            app.kill()


class WrittenNode(ProgramPart):
    """A node that nothing registers by itself: a client writes and removes it."""

    def __init__(self, name: str, nodes: WebNodes, leave: Callable[[], None]) -> None:
        super().__init__(name, nodes.host(name), nodes.app(name))
        self._leave = leave
        self._wait = partial(nodes.wait, name)
        self.registrar: Part | None = None

    def start(self) -> None:
        super().start()
        self._wait()

    def leave(self) -> None:
        self._leave()
        self.stop()
