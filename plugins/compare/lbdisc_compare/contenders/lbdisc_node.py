"""A node as its host has it: a web app, and ``lbdisc register`` beside it."""

import signal
from collections.abc import Iterable, Sequence
from pathlib import Path

from lbdisc.errors import LbdiscError
from lbdisc.testing.processes import Process, accepts
from lbdisc.testing.waiting import eventually
from lbdisc_compare.apps.apps import app_command
from lbdisc_compare.contenders.lbdisc_settings import lbdisc
from lbdisc_compare.contenders.programs import Program, kill_all, signal_all
from lbdisc_compare.hosts.host import Host

LEAVE = 60.0  # seconds; register.drain_timeout is 30
START = 60.0


class RegisteredNode:
    """App and registrar, both processes of their own. ``settings`` are the registrar's."""

    def __init__(self, name: str, host: Host, port: int, settings: Path) -> None:
        self.name = name
        self.host = host
        self.port = port
        folder = settings.parent
        self._app = Process(
            host.command(*app_command(name, host, port)),
            log=folder / "app.log",
            ready=lambda: accepts(port, host.address),
        )
        self._process = Process(
            host.command(*lbdisc("register", settings)), log=folder / "register.log"
        )
        self.registrar = Program(f"{name} registrar", host, lambda: self._process, self._begin)
        self._seen = 0

    def start(self) -> None:
        """Returns once the app serves and the registrar says that it is registered."""
        start_all([self])

    def serve(self) -> None:
        """Start the app; returns once it answers."""
        self._app.start()

    def launch(self) -> None:
        """Start the registrar, and wait for nothing."""
        self._seen = self._registrations()
        self._process.start()

    def wait_registered(self) -> None:
        eventually(self._registered, deadline=START, what=f"{self.name} to be registered")

    def _begin(self) -> None:
        self.launch()
        self.wait_registered()

    def _registered(self) -> bool:
        if not self._process.running:
            raise LbdiscError(f"lbdisc register ended: {self._process.log_tail()}")
        return self._registrations() > self._seen

    def _registrations(self) -> int:
        log = self._process.log
        return log.read_bytes().count(b'"event": "registered"') if log.exists() else 0

    @property
    def pids(self) -> Sequence[int]:
        app = [self._app.pid] if self._app.running else []
        return [*app, *self.registrar.pids]

    def kill(self) -> None:
        kill_all(self.pids)
        self._app.kill()
        self._process.kill()

    def pause(self) -> None:
        signal_all(signal.SIGSTOP, self.pids)

    def resume(self) -> None:
        signal_all(signal.SIGCONT, self.pids)

    def leave(self) -> None:
        """SIGTERM to the registrar, which has balancers drain it first; then the app ends."""
        self._process.stop(signal.SIGTERM, deadline=LEAVE)
        self._app.stop()


def start_all(nodes: Iterable[RegisteredNode]) -> None:
    """Start them side by side; returns once all are registered."""
    chosen = list(nodes)
    for node in chosen:
        node.serve()
    for node in chosen:
        node.launch()
    for node in chosen:
        node.wait_registered()
