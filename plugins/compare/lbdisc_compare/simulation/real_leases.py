"""A real etcd with real registrations that are kept, and when it tells that one has ended."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

import psutil

from lbdisc.errors import RegistrarError
from lbdisc.values import Endpoint
from lbdisc_compare.simulation.wires import WireCount, sent
from lbdisc_etcd.registrar import EtcdRegistrar
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_lab.servers import etcd

REGISTERING = 400.0  # seconds in which all are there
SHARE = 3  # puts in a ttl, as ``lbdisc register`` has it


class RealLeases:
    """``members`` registrations in one etcd, in a ``with`` block.

    Each is kept by a ``lbdisc register`` of its own, or, with ``light``, by a thread that makes the
    same calls with the same client at the same pace: of those this machine takes more. Raises
    ``RuntimeError`` where they do not all come to be.
    """

    def __init__(self, folder: Path, members: int, *, light: bool = False) -> None:
        self._folder = folder
        self._light = light
        self._stack = ExitStack()
        self._registrars: dict[str, subprocess.Popen[bytes] | Event] = {}
        self._gone: dict[str, float] = {}
        self.names = [f"node-{number:05d}" for number in range(members)]

    def __enter__(self) -> Self:
        self._cluster = self._stack.enter_context(etcd.start(self._folder / "etcd"))
        self._url = self._cluster.servers[0].url
        try:
            self._watch()
            for name in self.names:
                self.start(name)
            self._wait(lambda: len(self._cluster.cli.keys()) == len(self.names), REGISTERING)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        for name in list(self._registrars):
            self.kill(name)
        self._stack.close()

    def _wait(self, true: Callable[[], bool], deadline: float) -> None:
        end = time.monotonic() + deadline
        while not true():
            if time.monotonic() > end:
                raise RuntimeError(f"the registrations did not come within {deadline:.0f} s")
            time.sleep(0.2)

    def start(self, name: str) -> None:
        """Register ``name``, and keep it."""
        if self._light:
            stop = self._registrars[name] = Event()
            Thread(target=self._keep, args=(name, stop), daemon=True).start()
            return
        program = Path(sys.executable).with_name("lbdisc")
        words = [
            str(program),
            "register",
            "--check",
            "none",
            "--name",
            name,
            "--address",
            "127.0.0.1",
        ]
        words += ["--port", "3000", "--set", f"state_dir={self._folder / name}"]
        self._registrars[name] = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LBDISC_BACKEND": "etcd", "LBDISC_ETCD_ENDPOINTS": self._url},
        )

    def _keep(self, name: str, stop: Event) -> None:
        registrar = EtcdRegistrar(EtcdSettings(endpoints=(self._url,)))
        endpoint = Endpoint(service="nodes", name=name, address="127.0.0.1", port=3000)
        broken = Event()
        # At the end the server goes before the last of these threads has stopped.
        with suppress(RegistrarError), registrar.open(endpoint, broken) as entry:
            while not stop.is_set():
                entry.put(endpoint)
                stop.wait(entry.lease / SHARE)
            broken.set()

    def _watch(self) -> None:
        binary = shutil.which("etcdctl")
        if binary is None:
            raise RuntimeError("etcdctl is missing: install the Debian package etcd-client")
        watch = subprocess.Popen(
            [binary, f"--endpoints={self._url}", "watch", "--prefix", "/lbdisc/"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "ETCDCTL_API": "3"},
        )
        self._stack.callback(watch.wait)
        self._stack.callback(watch.kill)
        Thread(target=self._read, args=(watch,), daemon=True).start()

    def _read(self, watch: subprocess.Popen[bytes]) -> None:
        assert watch.stdout is not None
        deleted = False
        for line in watch.stdout:
            if deleted:
                name = line.decode().strip().rpartition("/")[2]
                self._gone[name] = time.monotonic()
            deleted = line.strip() == b"DELETE"

    def kill(self, name: str) -> float:
        """kill -9 what keeps it; returns when. A light one stops and closes its connection."""
        registrar = self._registrars.pop(name)
        at = time.monotonic()
        if isinstance(registrar, Event):
            registrar.set()
        else:
            registrar.kill()
            registrar.wait()
        return at

    def gone(self, name: str, deadline: float) -> float:
        """When a watcher was told that it is gone; raises ``RuntimeError`` after ``deadline``."""
        self._wait(lambda: name in self._gone, deadline)
        return self._gone[name]

    def traffic(self, seconds: float) -> tuple[WireCount, WireCount]:
        """The counters before and after ``seconds`` in which nothing is done."""
        before = sent()
        time.sleep(seconds)
        return before, sent()

    def cost(self, seconds: float = 10.0) -> tuple[float, float]:
        """MB and share of a processor that a registrar process takes, on the average."""
        processes = [
            psutil.Process(one.pid)
            for one in self._registrars.values()
            if isinstance(one, subprocess.Popen)
        ]
        return cost(processes, seconds)


def cost(processes: list[psutil.Process], seconds: float) -> tuple[float, float]:
    """MB (resident) and share of a processor of each process, on the average."""

    def busy() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    before = busy()
    time.sleep(seconds)
    share = (busy() - before) / seconds / len(processes)
    return sum(one.memory_info().rss for one in processes) / 1e6 / len(processes), share
