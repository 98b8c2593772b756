"""Reloader ``haproxy``: the file is the truth, the process is brought to it without a lost request.

*Managed* (the default): lbdisc starts HAProxy and watches over it. *Attached*: S6 or systemd runs
it in master-worker mode, lbdisc uses its sockets. The addresses of the runtime socket and of the
server-state file are read from the configuration itself, so that any template works.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from lbdisc import files
from lbdisc.errors import ApplyError, LbdiscError
from lbdisc.haproxy.binds import new_binds, try_binds
from lbdisc.haproxy.errors import HaproxyError, Unreachable
from lbdisc.haproxy.master import Master, Processes
from lbdisc.haproxy.process import Managed
from lbdisc.haproxy.program import check_config
from lbdisc.haproxy.rows import STATE_FORMAT
from lbdisc.haproxy.socket import Runtime
from lbdisc.haproxy.state import differences, kept_state
from lbdisc.haproxy.text import Configuration, parse
from lbdisc.hooks import Applied
from lbdisc.settings import Seconds, described

log = structlog.get_logger("lbdisc.haproxy")
ANSWER_LIMIT = 5.0  # seconds for a new worker's runtime socket


@dataclass(frozen=True, slots=True, kw_only=True)
class HaproxySettings:
    """``[haproxy]``: how lbdisc lives with HAProxy."""

    mode: Literal["managed", "attached"] = described(
        "managed: lbdisc starts it; attached: a supervisor runs it as `haproxy -W -S …`", "managed"
    )
    binary: str = described("the program", "haproxy")
    master_socket: str = described("the master CLI (`-S`)", "{state_dir}/master.sock")
    reload_limit: Seconds = described("the longest that a reload may take", 30.0)
    on_stop: Literal["stop", "leave"] = described(
        "what a managed HAProxy does when lbdisc stops: stop, or leave it running", "stop"
    )


class HaproxyReloader:
    """Checks, writes and reloads; brings back the last good file when that fails."""

    def __init__(self, settings: HaproxySettings) -> None:
        self._settings = settings
        self._master = Master(settings.master_socket)
        self._managed: Managed | None = None
        self._running: Configuration | None = None
        self._worker = 0
        self._parsed: tuple[str, Configuration] = ("", parse(""))
        self._warned: tuple[str, ...] = ()

    def check(self, candidate: Path) -> None:
        """``haproxy -c``. Raises ``CheckError`` with HAProxy's own words and line numbers."""
        check_config(self._settings.binary, candidate)

    def apply(self, config: Path, candidate: str) -> Applied:
        wanted = self._model(candidate)
        try:
            config.parent.mkdir(parents=True, exist_ok=True)
            before = config.read_text() if config.exists() else None
            _reset_state(wanted, keep=True)
            with files.staged(config, candidate) as staged:
                self._check(staged, config)
                if self._alive(config):
                    return self._reload(config, staged, before, wanted)
                return self._start(config, staged, before, wanted)
        except OSError as error:
            raise ApplyError(f"cannot write {config}: {error.strerror or error}") from error

    def _check(self, staged: Path, config: Path) -> None:
        warnings = check_config(self._settings.binary, staged, target=config)
        for warning in warnings:
            if warning not in self._warned:
                log.warning("haproxy -c", says=warning)
        self._warned = warnings

    def _reload(
        self, config: Path, staged: Path, before: str | None, wanted: Configuration
    ) -> Applied:
        """Reload hitlessly; done when the new worker answers."""
        running = self._running or parse(before or "")
        try_binds(new_binds(running, wanted), held=running.binds)
        self._keep_health(running, wanted)
        files.install(staged, config)
        try:
            processes, _ = self._master.reload(limit=self._settings.reload_limit)
            self._running_now(processes, wanted)
        except LbdiscError:
            _restore(config, before)
            raise
        finally:
            _reset_state(wanted)
        worker = processes.current.pid if processes.current else 0
        return Applied(how="reload", detail=f"worker {worker}")

    def _start(
        self, config: Path, staged: Path, before: str | None, wanted: Configuration
    ) -> Applied:
        """Start a managed HAProxy; a supervisor starts an attached one, with the file in place."""
        _reset_state(wanted)
        if self._managed is None:
            files.install(staged, config)
            raise Unreachable(
                f"{config} is written, but no HAProxy answers at {self._settings.master_socket}: "
                "start it with -W -S, or set haproxy.master_socket"
            )
        try_binds(wanted.binds)
        files.install(staged, config)
        try:
            processes = self._managed.start(runtime=wanted.runtime_socket)
            self._running_now(processes, wanted)
        except LbdiscError:
            _restore(config, before)
            if before is not None:
                self._start_last_good(before)
            raise
        return Applied(how="start", detail=f"worker {self._worker}")

    def _start_last_good(self, before: str) -> None:
        """The new file does not start: rather serve what served last."""
        assert self._managed is not None
        good = parse(before)
        with suppress(LbdiscError):
            self._running_now(self._managed.start(runtime=good.runtime_socket), good)
            log.warning("HAProxy was started with the last good configuration")

    def _running_now(self, processes: Processes, wanted: Configuration) -> None:
        """The new worker answers at its runtime socket: from now on ``wanted`` runs."""
        assert processes.current is not None
        worker = processes.current.pid
        if wanted.runtime_socket:
            with Runtime(wanted.runtime_socket, timeout=ANSWER_LIMIT) as runtime:
                runtime.observe(pid=worker)
        self._worker, self._running = worker, wanted

    def _keep_health(self, running: Configuration, wanted: Configuration) -> None:
        """Save what the servers' checks know for the next worker; without it, it starts anew."""
        if not (wanted.state_file and wanted.loads_state and running.runtime_socket):
            return
        try:
            with Runtime(running.runtime_socket) as runtime:
                state = kept_state(runtime.raw_servers(), running, wanted)
            files.write(Path(wanted.state_file), state)
        except (HaproxyError, OSError) as error:
            log.warning("health is not kept across this reload", error=str(error))

    def _alive(self, config: Path) -> bool:
        """Whether there is a HAProxy to reload; takes over one that an earlier lbdisc left."""
        if self._settings.mode == "attached":
            with suppress(HaproxyError):
                return self._master.processes().current is not None
            return False
        if self._managed is None:
            self._managed = Managed(
                binary=self._settings.binary,
                config=config,
                master=Path(self._settings.master_socket),
            )
        if self._managed.alive():
            return True
        found = self._managed.adopt()
        if found is not None:
            log.info("took over the HAProxy that serves already", process=found.master)
        return found is not None

    def verify(self, candidate: str, *, thorough: bool) -> str:
        if self._managed is not None and not self._managed.alive():
            words = self._managed.last_words
            return f"HAProxy is not running{': ' + words if words else ''}"
        try:
            processes = self._master.processes()
        except HaproxyError as error:
            return str(error)
        worker = processes.current.pid if processes.current else 0
        if worker != self._worker:
            return f"worker {worker} runs instead of {self._worker}: someone else reloaded HAProxy"
        return self._compare(self._model(candidate)) if thorough else ""

    def _compare(self, wanted: Configuration) -> str:
        """What the worker's servers have that the text has not, or the other way round."""
        if not wanted.runtime_socket:
            return ""  # nothing to ask; the template has no admin socket
        try:
            with Runtime(wanted.runtime_socket) as runtime:
                _, states = runtime.observe(pid=self._worker)
        except HaproxyError as error:
            return str(error)
        found = differences(wanted, states)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return f"server {found[0][0]} {found[0][1]}{more}" if found else ""

    def _model(self, text: str) -> Configuration:
        if self._parsed[0] != text:
            self._parsed = (text, parse(text))
        return self._parsed[1]

    def close(self) -> None:
        if self._managed is None:
            return
        if self._settings.on_stop == "leave":
            self._managed.release()
            return
        began = time.monotonic()
        self._managed.stop(soft=0.8, limit=1.3)
        log.info("HAProxy stopped", seconds=round(time.monotonic() - began, 2))


def _restore(config: Path, before: str | None) -> None:
    """Put the last good file back; without one, a refused first file does not stay either."""
    try:
        if before is None:
            config.unlink(missing_ok=True)
        else:
            files.write(config, before)
    except OSError as error:
        raise ApplyError(f"cannot bring back {config}: {error.strerror or error}") from error


def _reset_state(wanted: Configuration, *, keep: bool = False) -> None:
    """An empty server-state file: what it held must not meet a later configuration."""
    path = Path(wanted.state_file) if wanted.state_file else None
    if path is None or (keep and path.exists()):
        return
    with suppress(OSError):
        files.write(path, f"{STATE_FORMAT}\n")
