"""The lab on this machine: the agent, the nodes and the registry as processes of their own.

The only module of the demo that knows lbdisc's commands and settings.
"""

import json
import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from lbdisc.errors import LbdiscError, SettingsError
from lbdisc.testing.processes import Process
from lbdisc_lab.demo.ports import LOOPBACK, check_port, quiet_port
from lbdisc_lab.demo.registries import DemoRegistry
from lbdisc_lab.demo.toml import document

SERVICE = "nodes"
STOP_LIMIT = 20.0  # seconds that a process has to end after SIGTERM
_SBIN = ("/usr/sbin", "/sbin")  # where haproxy is, and not on every user's PATH


class Lab:
    """What runs in ``folder``, on loopback. ``close`` ends all of it, in whatever state it is."""

    def __init__(self, folder: Path, registry: DemoRegistry, *, port: int | None = None) -> None:
        self.folder = folder
        self.registry = registry
        self._logs = folder / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._program = _program("lbdisc", "is lbdisc installed in this environment?")
        _program("haproxy", "install the package haproxy")
        _check_length(self.socket)
        self._port = check_port(port) if port else quiet_port()
        self._stats_port = quiet_port()
        self._agent: Process | None = None
        self._nodes: dict[str, Process] = {}

    @property
    def site(self) -> str:
        """Where the balancer serves."""
        return f"http://{LOOPBACK}:{self._port}/"

    @property
    def stats_page(self) -> str:
        return f"http://{LOOPBACK}:{self._stats_port}/"

    @property
    def socket(self) -> Path:
        """HAProxy's runtime socket."""
        return self._state_dir / "haproxy.sock"

    @property
    def _state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def _output(self) -> Path:
        return self.folder / "haproxy.cfg"

    def start_agent(self) -> None:
        """Start ``lbdisc run``, which starts HAProxy."""
        settings = self._write_settings("lbdisc", self._agent_settings())
        self._agent = self._start("agent", [self._program, "run", "--config", str(settings)])

    def _agent_settings(self) -> dict[str, object]:
        return {
            **self._common_settings(),
            "state_dir": self._state_dir,
            "output": self._output,
            "services": [SERVICE],
            # All of it is on this host, where no endpoint may be unless it is said so.
            "endpoints.allow": ["127.0.0.0/8"],
            "haproxy.on_stop": "stop",
            "jinja2.vars.http_bind": f"{LOOPBACK}:{self._port}",
            "jinja2.vars.stats_bind": f"{LOOPBACK}:{self._stats_port}",
            "jinja2.vars.cli_bind": "",
            "jinja2.vars.check": "HEAD /",
            **self.registry.settings,
        }

    def _common_settings(self) -> dict[str, object]:
        return {"backend": self.registry.backend, "log.format": "text"}

    def start_node(self, name: str) -> None:
        """Start a web app and make it known: this is all that a new node takes."""
        self._nodes[name] = self._start(name, self._node_command(name))

    def _node_command(self, name: str) -> list[str]:
        index = int(name.removeprefix("s"))
        node = {**self._common_settings(), **self.registry.node_settings(index)}
        settings = self._write_settings(name, node)
        address = self.registry.node_address(index)
        where = ["--name", name, "--address", address, "--port", str(quiet_port(address))]
        check = ["--check", "/", "--interval", "0.5"]
        return [
            *(self._program, "register", "--config", str(settings), "--service", SERVICE),
            *(*where, *check, "--", sys.executable, "-m", "lbdisc_lab.webapp", *where),
        ]

    def ask_to_stop(self, name: str) -> None:
        """Tell the node to leave; it takes the time it needs."""
        self._nodes[name].send(signal.SIGTERM)

    def has_stopped(self, name: str) -> bool:
        return not self._nodes[name].running

    @property
    def nodes(self) -> frozenset[str]:
        """The names of all nodes that were started."""
        return frozenset(self._nodes)

    def how_to_add_a_node(self) -> str:
        """A command line that adds a node by hand, for a person to copy."""
        index = 1 + max((int(name.removeprefix("s")) for name in self._nodes), default=0)
        return shlex.join(self._node_command(f"s{index}"))

    def generation(self) -> int | None:
        """The number of the generation that the agent says runs; ``None`` before the first."""
        try:
            status = json.loads((self._state_dir / "status.json").read_text())
            number = status["generation"]["number"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return number if isinstance(number, int) else None

    def check(self) -> None:
        """Raise ``LbdiscError`` when a process ended that nobody asked to end."""
        if self._agent is not None and not self._agent.running:
            code = self._agent.wait()
            raise LbdiscError(f"the agent ended with code {code}: {last_line(self._agent.log)}")

    def check_node(self, name: str) -> None:
        """Raise ``LbdiscError`` when the node ended though nobody asked it to."""
        process = self._nodes[name]
        if not process.running:
            code = process.wait()
            raise LbdiscError(f"{name} ended with code {code}: {last_line(process.log)}")

    def tails(self, size: int) -> dict[Path, list[str]]:
        """The last ``size`` lines of each process's log."""
        return {
            path: path.read_text(encoding="utf-8", errors="replace").splitlines()[-size:]
            for path in sorted(self._logs.iterdir())
        }

    def _start(self, name: str, command: list[str]) -> Process:
        return Process(command, log=self._logs / f"{name}.log", environment=_environment()).start()

    def _write_settings(self, name: str, settings: Mapping[str, object]) -> Path:
        path = self.folder / f"{name}.toml"
        path.write_text(document(settings), encoding="utf-8")
        path.chmod(0o600)
        return path

    def close(self) -> list[str]:
        """End every process, nodes first; returns what did not end as it should."""
        complaints = _end(self._nodes)
        if self._agent is not None:
            complaints += _end({"the agent": self._agent})
            complaints += self._end_haproxy()
        self.registry.stop()
        return complaints

    def _end_haproxy(self) -> list[str]:
        """HAProxy serves on when its agent is killed, as it should; not after a demo."""
        from lbdisc.haproxy.process.managed import Managed

        left = Managed(
            binary="haproxy", config=self._output, master=self._state_dir / "master.sock"
        )
        if left.adopt() is None:
            return []
        left.stop(soft=0, limit=5)
        return ["HAProxy outlived the agent, and was stopped"]


def _end(processes: Mapping[str, Process]) -> list[str]:
    """Stop all at once; returns a line for each that ended with another code than 0."""
    codes: dict[str, int] = {}
    threads = [
        threading.Thread(
            target=lambda name=name, process=process: codes.update(
                {name: process.stop(deadline=STOP_LIMIT)}
            )
        )
        for name, process in processes.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [f"{name} ended with code {code}" for name, code in sorted(codes.items()) if code]


def _environment() -> dict[str, str]:
    return {"PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), *_SBIN])}


def _program(name: str, advice: str) -> str:
    """The path of the program ``name``, beside this Python first. Raises ``SettingsError``."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name, path=_environment()["PATH"])
    if found is None:
        raise SettingsError(f"no program {name!r} found: {advice}")
    return found


def _check_length(path: Path) -> None:
    """Raise ``SettingsError`` when the path of a Unix socket is too long (unix(7): 107 bytes)."""
    if len(os.fsencode(path)) > 90:  # HAProxy and lbdisc append to it
        raise SettingsError(f"{path}: too long for a Unix socket; give --keep a shorter folder")


def last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")
