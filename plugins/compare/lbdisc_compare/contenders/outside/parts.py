"""What all alternatives are made of: programs on hosts, and nodes that a client registers."""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from lbdisc.testing.processes import Process, accepts
from lbdisc_compare.apps.apps import app_command
from lbdisc_compare.contenders.contender import Part
from lbdisc_compare.contenders.programs import family
from lbdisc_compare.hosts.host import Host


class ProgramPart:
    """Processes that are one part of a way, the first of them first. They are not started yet."""

    def __init__(self, name: str, host: Host, *processes: Process) -> None:
        self.name = name
        self.host = host
        self._processes = processes

    @property
    def pids(self) -> Sequence[int]:
        running = (process for process in self._processes if process.running)
        return [pid for process in running for pid in family(process.pid)]

    def start(self) -> None:
        for process in self._processes:
            if not process.running:
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
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, number)


def web_app(name: str, host: Host, port: int, folder: Path) -> Process:
    """The node's web app in a process of its own, not started yet; its log is in ``folder``."""
    return Process(
        host.command(*app_command(name, host, port)),
        log=folder / f"{name}.log",
        ready=lambda: accepts(port, host.address),
    )


class WrittenNode(ProgramPart):
    """A node that a client of its own writes once; nothing runs for that, nothing expires."""

    registrar: Part | None = None

    def __init__(
        self,
        name: str,
        host: Host,
        app: Process,
        write: Callable[[], None],
        remove: Callable[[], None],
    ) -> None:
        super().__init__(name, host, app)
        self._write, self._remove = write, remove

    def start(self) -> None:
        """Returns once its app answers, and it is written."""
        super().start()
        self._write()

    def leave(self) -> None:
        self._remove()
        self.stop()


class LeasedNode(ProgramPart):
    """A node with a registrar beside its app, which takes it out at SIGTERM."""

    def __init__(self, name: str, host: Host, app: Process, registrar: Process) -> None:
        super().__init__(name, host, app, registrar)
        self.registrar: Part | None = ProgramPart(f"{name} registrar", host, registrar)

    def leave(self) -> None:
        self.stop()


__all__ = ["LeasedNode", "ProgramPart", "WrittenNode", "web_app"]
