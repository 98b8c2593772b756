"""A HAProxy that somebody else runs, with a configuration written by hand, and lbdisc attached."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lbdisc import atomic
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.sockets.master import Master
from lbdisc.testing.processes import Process, accepts, free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.traffic import Traffic
from support.logs import show_logs
from support.scene import LBDISC

SERVERS = """\
{% for e in services[0].endpoints %}
    server {{ e.name }} {{ e.host_port }} check inter 1s weight {{ 0 if e.draining else e.weight }}
{% endfor %}
"""


class Attached:
    """Everything in `folder`: web apps, HAProxy as `haproxy.cfg` says, `lbdisc` beside it.

    `stats` is what stands behind the path on its `stats socket` line, `prefix` what every lbdisc is
    started with, as for another user.
    """

    def __init__(
        self, folder: Path, *, stats: str = "mode 600", prefix: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.config = folder / "conf" / "haproxy.cfg"
        self.state = folder / "state"
        self.master = folder / "run" / "master.sock"
        self.settings = folder / "lbdisc.toml"
        self.template = folder / "haproxy.cfg.j2"
        for name in ("conf", "state", "run", "nodes/web"):
            (folder / name).mkdir(parents=True)
        self.port = free_port()
        self.apps: dict[str, int] = {}
        self.environment = {"HOME": str(folder), "PYTHONIOENCODING": "utf-8:strict"}
        self._prefix = tuple(prefix)
        self._stats = stats
        self._stack = ExitStack()
        self.template.write_text(self.text(SERVERS))
        self.set()

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

    def text(self, servers: str) -> str:
        """A configuration whose proxy `web` has these lines."""
        return (
            f"# by hand\nglobal\n    stats socket {self.folder}/run/admin.sock {self._stats}"
            " level admin\ndefaults\n    mode http\n    timeout connect 1s\n    timeout client 5s\n"
            "    timeout server 5s\n    option idle-close-on-response\n"
            f"frontend front\n    bind 127.0.0.1:{self.port}\n"
            f"    default_backend web\nbackend web\n{servers}"
        )

    def set(self, *, nodes: str = "nodes", **tables: Mapping[str, Any]) -> None:
        """The settings; `tables` add to or replace parts, `core` holds the keys at the top."""
        known: dict[str, Mapping[str, Any]] = {
            "file": {"dir": str(self.folder / nodes)},
            "haproxy": {"mode": "attached", "master_socket": str(self.master)},
            "jinja2": {"template": str(self.template)},
            "agent": {"min_reload_interval": 0.2},
        }
        top = {"services": ["web"], "output": str(self.config), "state_dir": str(self.state)}
        top |= tables.pop("core", {})
        lines = [f"{key} = {json.dumps(value)}" for key, value in top.items()]
        for name in {**known, **tables}:
            lines.append(f"[{name}]")
            table = {**known.get(name, {}), **tables.get(name, {})}
            lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        self.settings.write_text("\n".join(lines) + "\n")

    def serve(self, *names: str) -> None:
        """Web apps, and a file written by hand that has them as servers."""
        for name in names:
            self.apps[name] = port = free_port()
            command = [sys.executable, "-m", "lbdisc_lab.webapp", "--name", name]
            command += ["--address", "127.0.0.1", "--port", str(port)]
            log = self.folder / f"{name}.log"
            self._stack.enter_context(Process(command, log=log, ready=partial(accepts, port)))
        lines = (f"    server {n} 127.0.0.1:{port} check\n" for n, port in self.apps.items())
        self.config.write_text(self.text("".join(lines)))

    def enlist(self, *names: str) -> None:
        """Have the registry know these."""
        for name in names:
            record = {"address": "127.0.0.1", "port": self.apps[name]}
            atomic.write(self.folder / "nodes" / "web" / f"{name}.json", json.dumps(record))

    def unlist(self, *names: str) -> None:
        for name in names:
            (self.folder / "nodes" / "web" / f"{name}.json").unlink()

    def haproxy(
        self,
        *arguments: str | Path,
        options: str = "mode,600",
        prefix: Sequence[str] = (),
        **environment: str,
    ) -> Process:
        """HAProxy in the foreground, as a supervisor runs it; on the file by hand if unsaid."""
        words = arguments or ("-f", self.config)
        command = [*prefix, "haproxy", "-W", "-S", f"{self.master},{options}", *words]
        log = self.folder / "haproxy.log"
        process = Process(
            command, log=log, ready=self._serves, cwd=self.folder, environment=environment
        )
        return self._stack.enter_context(process)

    def _serves(self) -> bool:
        with suppress(HaproxyError):
            return accepts(self.port) and self.worker != 0
        return False

    def lbdisc(self, *arguments: str, prefix: Sequence[str] | None = None) -> tuple[int, str]:
        """A command: its exit code, and what it said."""
        prefix = self._prefix if prefix is None else prefix
        done = subprocess.run(
            [*prefix, LBDISC, *arguments, "--config", str(self.settings)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, **self.environment},
        )
        return done.returncode, done.stdout + done.stderr

    def agent(self, *arguments: str) -> Process:
        """`lbdisc run`, once it has said anything of itself."""
        log = self.folder / "agent.log"
        command = [*self._prefix, LBDISC, "run", *arguments, "--config", str(self.settings)]
        ready = (self.state / "status.json").exists
        process = Process(command, log=log, ready=ready, environment=self.environment)
        return self._stack.enter_context(process)

    def reread(self, agent: Process) -> None:
        agent.send(signal.SIGHUP)

    @property
    def status(self) -> dict[str, Any]:
        found = json.loads((self.state / "status.json").read_text())
        assert isinstance(found, dict)
        return found

    def until_in_step(self) -> None:
        eventually(lambda: self.status["in_step"], what="an agent in step")

    def until_refused(self, words: str) -> str:
        """Until the agent says why it applies nothing; returns what it says."""
        failure = eventually(lambda: self.status["failure"], what="a failure")
        text = str(failure["error"])
        assert words in text, text
        return text

    @property
    def worker(self) -> int:
        """The process id of the worker that serves."""
        current = Master(self.master).processes().current
        assert current is not None
        return current.pid

    @property
    def copies(self) -> list[str]:
        return sorted(path.name for path in self.config.parent.glob("*before-lbdisc*"))

    def traffic(self) -> Traffic:
        return Traffic(f"http://127.0.0.1:{self.port}/", rate=150)
