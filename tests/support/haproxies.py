"""Real HAProxys for tests: that of ``PATH``, called ``system``, and others if a folder has them.

``HAPROXIES`` may name the folder of ``scripts/haproxies.sh``, with a ``VERSION/haproxy`` for each.
The version that ``system`` is of is not run a second time.
"""

import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.process.managed import Managed
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.haproxy.versions import read_version
from lbdisc.testing.processes import free_port

WANTED = ("2.6", "2.8", "3.0", "3.2", "3.4")  # what lbdisc is said to be tested on


def exact_version(program: str) -> str:
    """Like ``2.6.12-1+deb12u4``, or ``""`` where the program cannot be run."""
    with suppress(OSError):
        ran = subprocess.run([program, "-v"], capture_output=True, text=True, check=False)
        if found := re.match(r"HAProxy version (\S+)", ran.stdout):
            return found[1]
    return ""


def _programs(folder: str) -> dict[str, str]:
    found = {"system": "haproxy"}
    if folder:
        own = exact_version("haproxy")
        for version in WANTED:
            program = Path(folder).absolute() / version / "haproxy"
            if program.exists() and not own.startswith(f"{version}."):
                found[version] = str(program)
    return found


FOLDER = os.environ.get("HAPROXIES", "")
PROGRAMS = _programs(FOLDER)
VERSIONS = tuple(PROGRAMS)
# What of `show stat` the configuration decides.
STAT_FIELDS = (
    *("status", "weight", "act", "bck", "slim", "qlimit", "check_rise", "check_fall"),
    *("cookie", "mode"),
)
IN_SERVICE = ("weight", "checked", "check_rise", "check_fall")


class Place:
    """A folder for HAProxys of one version."""

    def __init__(self, folder: Path, version: str) -> None:
        self.folder = folder
        self.version = version
        self.binary = PROGRAMS[version]
        self.numbers = read_version(exact_version(self.binary))

    def write(self, text: str, name: str = "haproxy.cfg") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def global_lines(self, name: str = "run") -> str:
        """The global section, with a runtime socket at ``NAME.sock``."""
        return f"global\n  stats socket {self.folder}/{name}.sock mode 600 level admin\n"

    def text(self, body: str, *, name: str = "run") -> str:
        """A whole configuration around ``body``."""
        return (
            self.global_lines(name) + "defaults\n  mode http\n  timeout connect 1s\n"
            "  timeout client 5s\n  timeout server 5s\n" + body
        )

    @contextmanager
    def running(self, text: str, *, name: str = "run") -> Iterator["Running"]:
        """A HAProxy that runs ``text``."""
        config = self.write(text, f"{name}.cfg")
        managed = Managed(
            binary=self.binary, config=config, master=self.folder / f"{name}-master.sock"
        )
        address = parse(text).runtime_socket
        managed.start(runtime=address)
        try:
            with Runtime(address) as runtime:
                yield Running(managed, config, runtime)
        finally:
            managed.stop(soft=0, limit=5)


class Running:
    """A HAProxy that runs, its file, and the client of its runtime socket."""

    def __init__(self, managed: Managed, config: Path, runtime: Runtime) -> None:
        self.managed = managed
        self.config = config
        self.runtime = runtime

    def reload(self, text: str) -> None:
        """Write ``text`` and return when a new worker runs it."""
        self.config.write_text(text)
        self.runtime.close()  # a connection stays with the worker before
        processes, _ = self.managed.master.reload()
        assert processes.current is not None
        self.runtime.observe(pid=processes.current.pid)

    def servers(self, text: str) -> dict[tuple[str, str], dict[str, object]]:
        """``deciding`` of this one."""
        return deciding(self.runtime, text)


def deciding(runtime: Runtime, text: str) -> dict[tuple[str, str], dict[str, object]]:
    """What decides about traffic, by server; those that wait in maintenance count as gone."""
    wanted = parse(text).servers
    stats = {(row.proxy, row.name): row for row in runtime.stats() if row.kind == "server"}
    return {
        row.key: {
            "address": (row.address, row.port),
            "user weight": row.weight,
            "maintenance": row.in_maintenance,
            "draining": row.draining,
            "serves": row.operational > 0,
            "checked": row.checked,
            "ssl": row.ssl,
            "id": row.id if row.forced_id else 0,
            **{field: stats[row.key].fields[field] for field in STAT_FIELDS},
            # In maintenance HAProxy shows the effective weight from before, and checks that
            # start when the server gets ready.
            **(dict.fromkeys(IN_SERVICE, "") if row.in_maintenance else {}),
        }
        for row in runtime.observe()[1]
        if row.key in wanted or not row.in_maintenance
    }


@contextmanager
def place(version: str) -> Iterator[Place]:
    """A fresh folder with a short path (socket paths may have 97 bytes)."""
    with tempfile.TemporaryDirectory(prefix="lbdisc-") as folder:
        yield Place(Path(folder), version)


@contextmanager
def listener(answer: bytes = b"") -> Iterator[int]:
    """A port where every connection is accepted and closed, after its ``answer`` if any."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        thread = Thread(target=_accept, args=(listening, answer), daemon=True)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listening: socket.socket, answer: bytes) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                if answer:
                    connection.recv(4096)
                    connection.sendall(answer)


def report() -> str:
    """Which HAProxys the tests had, and which of ``WANTED`` the folder has not."""
    exact = [exact_version(program) for program in PROGRAMS.values()]
    had = [".".join(version.split(".")[:2]) for version in exact]
    missing = [version for version in WANTED if FOLDER and version not in had]
    return f"HAProxy {', '.join(exact)}" + (f"; not {', '.join(missing)}" if missing else "")


__all__ = [
    "PROGRAMS",
    "VERSIONS",
    "Place",
    "Running",
    "deciding",
    "exact_version",
    "free_port",
    "listener",
    "place",
    "report",
]
