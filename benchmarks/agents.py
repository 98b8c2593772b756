"""`lbdisc run` on real registries, with what the measurements ask of it."""

import json
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from benchmarks.servers import LBDISC, LOOPBACK
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.sockets.master import Master, Processes
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually


class Agent:
    """One agent with its HAProxy in ``folder``. ``settings`` are dotted keys, plain at the top."""

    def __init__(self, folder: Path, backend: str, settings: Mapping[str, object]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.state = folder / "state"
        self.port = free_port()
        variables = {
            "jinja2.vars.http_bind": f"127.0.0.1:{self.port}",
            "jinja2.vars.stats_bind": "",
            "jinja2.vars.cli_bind": "",
            "jinja2.vars.check": "HEAD /",
        }
        self._file = folder / "lbdisc.toml"
        own = {"log.format": "json", "agent.announce": False, "endpoints.allow": LOOPBACK}
        # The same nodes come and go without end here, and each change is to be measured alone.
        own |= {"endpoints.flap_wait": 0, "agent.max_reload_interval": 0}
        known = {**own, **variables, **settings}
        self._file.write_text(_toml(self.state, backend, known))
        self._log = folder / "agent.log"
        self._read = 0
        self._generations: list[int] = []
        # An installed program has its bytecode: the first start in an environment writes it.
        without = ["env", "-u", "PYTHONDONTWRITEBYTECODE"]
        command: list[str | Path] = [*without, LBDISC, "run", "--config", self._file]
        self._process = Process(command, log=self._log)

    @property
    def settings_file(self) -> Path:
        return self._file

    def start(self, *, deadline: float = 60.0) -> Self:
        """Returns once a generation runs."""
        self._process.start()
        eventually(lambda: self._alive() and self.generations, deadline=deadline, what="lbdisc run")
        return self

    def launch(self) -> Self:
        """Start it, and wait for nothing."""
        self._process.start()
        return self

    def restart(self, number: int) -> None:
        """End it by the signal ``number`` and start it anew; returns once a generation runs."""
        before = len(self.generations)
        self._process.send(number)
        self._process.wait()
        self._process.start()
        eventually(lambda: self._alive() and len(self.generations) > before, what="a restart")

    def _alive(self) -> bool:
        assert self._process.running, self._process.log_tail()
        return True

    @property
    def generations(self) -> list[int]:
        """How many endpoints each generation had that came to run."""
        with self._log.open("rb") as log:
            log.seek(self._read)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                if b'"event": "running"' in line:
                    self._generations.append(int(json.loads(line)["endpoints"]))
        return self._generations

    def until(self, endpoints: int, *, every: float = 0.02) -> None:
        """Until the newest generation that runs has so many."""
        eventually(
            lambda: self.generations[-1:] == [endpoints],
            deadline=120,
            every=every,
            what=f"{endpoints} endpoints",
        )

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self._process.pid)

    @property
    def runtime(self) -> Runtime:
        return Runtime(str(self.state / "haproxy.sock"))

    def processes(self) -> Processes:
        """HAProxy's, as its master tells them; it is silent while it executes itself anew."""
        found = eventually(self._processes, what="HAProxy's master")
        assert found is not None
        return found

    def _processes(self) -> Processes | None:
        with suppress(HaproxyError):
            return Master(self.state / "master.sock").processes()
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        master = 0
        with suppress(HaproxyError):
            master = Master(self.state / "master.sock").processes().master
        self._process.stop()
        if master and psutil.pid_exists(master):
            os.kill(master, signal.SIGTERM)


def _toml(state: Path, backend: str, settings: Mapping[str, object]) -> str:
    tables: dict[str, dict[str, Any]] = {}
    for key, value in settings.items():
        table, _, name = key.rpartition(".")
        tables.setdefault(table, {})[name] = value
    lines = [f'state_dir = "{state}"', f'backend = "{backend}"']
    lines += (f"{key} = {json.dumps(value)}" for key, value in tables.pop("", {}).items())
    for table, content in tables.items():
        lines += [
            f"[{table}]",
            *(f"{k} = {json.dumps(v, default=str)}" for k, v in content.items()),
        ]
    return "\n".join(lines) + "\n"
