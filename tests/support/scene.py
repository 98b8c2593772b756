"""A scene for system tests: a real HAProxy, `lbdisc run`, and web apps, all real processes."""

import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lbdisc import atomic
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import Process, accepts, free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.traffic import Traffic
from support.logs import show_logs

LBDISC = str(Path(sys.executable).parent / "lbdisc")


class Scene:
    """Everything in `folder`, on free loopback ports; ended with the `with` block."""

    def __init__(self, folder: Path, **tables: Mapping[str, Any]) -> None:
        self.folder = folder
        self.nodes = folder / "nodes"
        self.nodes.mkdir()
        self.state = folder / "state"
        self.port, self.stats_port = free_port(), free_port()
        self.settings = folder / "lbdisc.toml"
        self.prefix: tuple[str | Path, ...] = ()  # what each agent is started with
        self.apps: dict[str, Process] = {}
        self._stack = ExitStack()
        self._agents = 0
        self.write_settings(**tables)

    def write_settings(self, **tables: Mapping[str, Any]) -> None:
        """The settings file; `tables` add to or replace parts of the tables.

        `core` holds the keys at the top.
        """
        variables = {**self.variables(), **tables.get("vars", {})}
        known: dict[str, Mapping[str, Any]] = {
            "file": {"dir": str(self.nodes), **tables.get("file", {})},
            "endpoints": {"allow": ["0.0.0.0/0", "127.0.0.0/8"], **tables.get("endpoints", {})},
            "agent": {"min_reload_interval": 0.2, **tables.get("agent", {})},
            # What a test starts ends with it, unless it is about just that.
            "haproxy": {"on_stop": "stop", **tables.get("haproxy", {})},
            "jinja2": tables.get("jinja2", {}),
            "jinja2.vars": variables,
        }
        known |= {name: tables[name] for name in tables if name not in (*known, "vars", "core")}
        top = {"state_dir": str(self.state), **tables.get("core", {})}
        lines = [f"{key} = {json.dumps(v)}" for key, v in top.items()]
        for name, table in known.items():
            lines += [f"[{name}]", *(f"{key} = {json.dumps(v)}" for key, v in table.items())]
        self.settings.write_text("\n".join(lines) + "\n")

    def variables(self) -> dict[str, Any]:
        """What the template is given, where a test says nothing else."""
        return {
            "http_bind": f"127.0.0.1:{self.port}",
            "stats_bind": f"127.0.0.1:{self.stats_port}",
            "cli_bind": "",
            "check": "HEAD /",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            show_logs(self.folder)
        self._stack.close()
        self.end_haproxy()

    def end_haproxy(self) -> None:
        """A HAProxy that a killed agent left behind goes too."""
        if pid := self.haproxy_pid():
            os.kill(pid, signal.SIGTERM)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def agent(self, *, until_running: bool = True, **environment: str) -> Process:
        """`lbdisc run`, once a generation of it runs."""
        self._agents += 1
        process = Process(
            [*self.prefix, LBDISC, "run", "--config", self.settings],
            log=self.folder / f"agent{self._agents}.log",
            environment=environment,
        )
        self._stack.enter_context(process)
        if until_running:
            eventually(lambda: self._runs(process), what="a running generation")
        return process

    def _runs(self, process: Process) -> bool:
        assert process.running, process.log_tail()
        return self.status["pid"] == process.pid and self.status["generation"] is not None

    def lbdisc(self, *arguments: str | Path, name: str = "lbdisc") -> Process:
        """Another command of lbdisc, started and not waited for."""
        process = Process(
            [LBDISC, *arguments, "--config", self.settings], log=self.folder / f"{name}.log"
        )
        return self._stack.enter_context(process)

    def register(self, name: str, port: int) -> Process:
        """A node that registers itself, and waits long for load balancers when it stops."""
        own = {
            "register.address": "127.0.0.1",
            "register.port": port,
            "register.name": name,
            "register.service": "nodes",
            "register.check": "none",
            "register.drain_timeout": 600,
            "state_dir": self.folder / name,
        }
        words = [word for key, value in own.items() for word in ("--set", f"{key}={value}")]
        return self.lbdisc("register", *words, name=f"register-{name}")

    def app(self, name: str) -> int:
        """A web app; returns its port."""
        port = free_port()
        command = [sys.executable, "-m", "lbdisc_lab.webapp", "--name", name]
        command += ["--address", "127.0.0.1", "--port", str(port)]
        self.apps[name] = self._stack.enter_context(
            Process(command, log=self.folder / f"{name}.log", ready=lambda: accepts(port))
        )
        return port

    def list(self, name: str, port: int, **parts: object) -> None:
        """Put a node file into place, as `lbdisc register` does."""
        record = {"address": "127.0.0.1", "port": port, **parts}
        folder = self.nodes / "nodes"
        folder.mkdir(exist_ok=True)
        atomic.write(folder / f"{name}.json", json.dumps(record))

    def unlist(self, name: str) -> None:
        (self.nodes / "nodes" / f"{name}.json").unlink()

    def join(self, *names: str) -> None:
        """Web apps, listed once they answer."""
        for name, port in [(name, self.app(name)) for name in names]:
            self.list(name, port)

    def servers(self, proxy: str = "nodes") -> dict[str, str]:
        """What HAProxy itself says: the status of each server."""
        with Runtime(str(self.state / "haproxy.sock")) as runtime:
            return {row.name: row.status for row in runtime.stats(proxy) if row.kind == "server"}

    def until_up(self, *names: str) -> None:
        """Until exactly these servers are in HAProxy, and up."""
        eventually(
            lambda: self._up() == set(names), deadline=30, what=f"servers {', '.join(names)} up"
        )

    def _up(self) -> set[str]:
        try:
            return {name for name, status in self.servers().items() if status.startswith("UP")}
        except HaproxyError:
            return set()

    @property
    def status(self) -> dict[str, Any]:
        found = json.loads((self.state / "status.json").read_text())
        assert isinstance(found, dict)
        return found

    @property
    def config(self) -> str:
        return (self.state / "haproxy.cfg").read_text()

    def haproxy_pid(self) -> int:
        """The process id of HAProxy's master, 0 when none answers."""
        try:
            return Master(self.state / "master.sock").processes().master
        except HaproxyError:
            return 0

    def worker(self) -> int:
        """The process id of the worker that serves."""
        current = Master(self.state / "master.sock").processes().current
        assert current is not None
        return current.pid

    def hup(self) -> None:
        """Have the agent read its settings anew."""
        os.kill(self.status["pid"], signal.SIGHUP)

    def traffic(self, rate: float = 150) -> Traffic:
        return Traffic(self.url, rate=rate)


def lost(traffic: Traffic) -> list[str]:
    """What was lost and why, for an assertion that tells."""
    return [f"{loss.reason} after {loss.after:.2f} s" for loss in traffic.lost]
