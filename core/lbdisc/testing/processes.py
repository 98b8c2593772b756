"""Real servers for tests and demos: started on loopback, stopped by their process ids."""

import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from lbdisc.testing.waiting import eventually

LOCAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST = 12000
ATTEMPTS = 100


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port on ``address`` that nobody listened on a moment ago.

    Not one of those that the kernel gives to connections (ip(7), ``ip_local_port_range``): such a
    one may be a client's by the time that a server, or one that is started again, wants it.
    """
    first_of_clients = int(LOCAL_PORTS.read_text().split()[0]) if LOCAL_PORTS.exists() else 0
    for _ in range(ATTEMPTS if first_of_clients > LOWEST else 0):
        port = LOWEST + secrets.randbelow(first_of_clients - LOWEST)
        with suppress(OSError), socket.socket() as probe:
            probe.bind((address, port))
            return port
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def accepts(port: int, address: str = "127.0.0.1") -> bool:
    """Whether something listens on ``address:port``."""
    with suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


class Process:
    """A server process with a log file, in a process group of its own.

    ``ready`` is asked until it is true; a process that ends before raises ``AssertionError`` with
    the tail of its log. Leaving the ``with`` block stops it.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        ready: Callable[[], bool] = lambda: True,
        deadline: float = 30.0,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.command = [str(part) for part in command]
        self.log = log
        self._ready = ready
        self._deadline = deadline
        self._environment = environment
        self._cwd = cwd
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and wait until it is ready."""
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(self._environment or {})},
                cwd=self._cwd,
                start_new_session=True,
            )
        try:
            eventually(self._alive_and_ready, deadline=self._deadline, what=self.command[0])
        except BaseException:
            self.kill()
            raise
        return self

    def _alive_and_ready(self) -> bool:
        if not self.running:
            raise RuntimeError(f"{self.command[0]} ended at once: {self.log_tail()}")
        return self._ready()

    def log_tail(self, size: int = 2000) -> str:
        return self.log.read_text(errors="replace")[-size:]

    @property
    def child(self) -> "subprocess.Popen[bytes]":
        assert self._child is not None, "not started"
        return self._child

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def send(self, number: int) -> None:
        """Send a signal to the process alone."""
        if self.running:
            self.child.send_signal(number)

    def pause(self) -> None:
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    def stop(self, number: int = signal.SIGTERM, *, deadline: float = 10.0) -> int:
        """Ask it to end, force it after ``deadline`` seconds; returns the exit code."""
        if self._child is None:
            return 0
        self.resume()
        self.send(number)
        try:
            code = self._child.wait(deadline)
        except subprocess.TimeoutExpired:
            return self.kill()
        self._kill_group()
        return code

    def kill(self) -> int:
        """kill -9 the process and its group; returns the exit code."""
        if self._child is None:
            return 0
        self._kill_group()
        return self._child.wait(10)

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def wait(self, deadline: float = 30.0) -> int:
        """Wait until it ends by itself; returns the exit code."""
        return self.child.wait(deadline)

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
