"""Reloader ``haproxy``: the file is the truth, the process is brought to it without a lost request.

*Managed* (the default): lbdisc starts HAProxy and watches over it. *Attached*: S6 or systemd runs
it in master-worker mode, lbdisc uses its sockets. The addresses of the runtime socket and of the
server-state file are read from the configuration itself, so that any template works.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from lbdisc import files
from lbdisc.errors import ApplyError, LbdiscError
from lbdisc.haproxy.binds import new_binds, try_binds
from lbdisc.haproxy.drains import Drains
from lbdisc.haproxy.errors import HaproxyError, Unreachable
from lbdisc.haproxy.follower import Follower
from lbdisc.haproxy.health_file import keep_health, reset_health
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.lost_socket import bind_anew, lost_socket
from lbdisc.haproxy.plan import Plan, plan
from lbdisc.haproxy.program import Checker, check_config
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.haproxy.socket import OLDEST, Runtime, features_of
from lbdisc.haproxy.target import Target
from lbdisc.haproxy.text import Configuration, parse
from lbdisc.haproxy.workers import Workers
from lbdisc.hooks import Applied, Planned
from lbdisc.values import Endpoint

log = structlog.get_logger("lbdisc.haproxy")
ANSWER_LIMIT = 5.0  # seconds for a new worker's runtime socket
MISTRUST = 60.0  # seconds without changes at run time after HAProxy refused one


class HaproxyReloader:
    """Checks, writes and reloads; brings back the last good file when that fails."""

    def __init__(self, settings: HaproxySettings) -> None:
        self._settings = settings
        self._workers = Workers(settings.master_socket)
        self._live: Live | None = None
        self._drains = Drains(settings.master_socket)
        self._check = Checker(settings.binary)
        self._follower = Follower(self._check)
        self._undid = False  # the last change at run time had to be taken back
        self._applied = False  # whether anything was; `lbdisc plan` only asks
        self._mistrust_until = float("-inf")

    def check(self, candidate: Path) -> None:
        """``haproxy -c``. Raises ``CheckError`` with HAProxy's own words and line numbers."""
        check_config(self._settings.binary, candidate)

    def apply(self, config: Path, candidate: str) -> Applied:
        self._applied = True
        try:
            model = parse(candidate)
            if self._follower.forget():
                self._undo(config)
            if applied := self._at_run_time(config, candidate, model):
                return applied
            config.parent.mkdir(parents=True, exist_ok=True)
            reset_health(model, keep=True)
            self._follower.settle()
            self._follower.forget()  # an older text that was no good: this one is checked
            running = self._live.model.runtime_socket if self._live else ""
            alive = self._workers.alive(self._settings, config, running)
            target = Target(config, candidate, model, files.held(config))
            with files.staged(config, candidate) as staged:
                self._check(staged, config)
                return self._reload(target, staged) if alive else self._start(target, staged)
        except OSError as error:
            raise ApplyError(f"cannot write {config}: {error.strerror or error}") from error

    def plan(self, running: str, candidate: str) -> Planned:
        """Runtime commands, or a reload and why. Knows of the worker what an apply found out."""
        if running == candidate:
            return Planned(how="nothing", detail="nothing changes")
        if why := self._barred(running):
            return Planned(how="reload", detail=f"reload: {why}")
        limit = self._settings.max_changes
        if self._live is not None and self._live.text == running:
            found = self._live.plan(candidate, max_changes=limit)
        else:
            features = features_of(parse(running).runtime_socket)
            found = plan(running, candidate, features=features, max_changes=limit)
        commands = tuple(command.text for command in found.commands)
        return Planned(how=found.how, detail=found.detail, commands=commands)

    def _barred(self, running: str) -> str:
        """Why no change whatever is possible at run time now, ``""`` if some are."""
        if not self._settings.runtime:
            return "haproxy.runtime is off"
        if self._applied and self._live is None:
            return "what runs is not known"
        model = self._live.model if self._live else parse(running)
        if running and not model.runtime_socket:
            return "the configuration has no 'stats socket' of level admin"
        if self._live and (path := lost_socket(model)):
            return f"the runtime socket {path} is gone"
        if time.monotonic() < self._mistrust_until:
            return "HAProxy refused a change at run time less than a minute ago"
        return ""

    def _at_run_time(self, config: Path, text: str, model: Configuration) -> Applied | None:
        """HAProxy takes the servers, then the file follows; ``None`` where a reload is needed."""
        live = self._live
        if live is None or self._barred(live.text) or self._workers.died:
            return None
        found = live.plan(text, max_changes=self._settings.max_changes)
        if found.how == "reload":
            return None
        if found.how == "nothing" and live.compared(model):
            return None  # somebody changed servers at the socket; a reload brings back the file's
        try:
            if self._undid or not found.commands:  # not again a reload for each try
                self._bring_both(live, found, config, text, model)
            else:
                live.bring(found, text, model)
        except HaproxyError as error:
            log.warning("not at run time, a reload follows", error=str(error))
            if not isinstance(error, Unreachable):
                self._mistrust_until = time.monotonic() + MISTRUST
            self._forget_live()
            return None
        if found.commands:
            try:
                self._follower.follow(config, text)
            except OSError:
                self._undo(config)
                raise
        return Applied(how=found.how if found.commands else "written", detail=found.detail)

    def _bring_both(
        self, live: Live, found: Plan, config: Path, text: str, model: Configuration
    ) -> None:
        """The file is known to be good and writable before HAProxy changes."""
        self._follower.settle()
        with files.staged(config, text) as staged:
            self._check(staged, config)
            live.bring(found, text, model)
            files.install(staged, config)
        self._undid = False

    def _undo(self, config: Path) -> None:
        """What runs cannot be written: back to the file, which is the truth."""
        running = self._live.model if self._live else None
        self._forget_live()
        self._undid = True
        self._follower.settle()
        self._follower.forget()
        before = files.held(config)
        if before is None:
            return
        model = parse(before)
        keep_health(running or model, model)
        try:
            with suppress(HaproxyError):
                self._running_now(self._reload_now(model), before, model)
        finally:
            reset_health(model)

    def _reload(self, target: Target, staged: Path) -> Applied:
        """Reload hitlessly; done when the new worker answers."""
        running = self._live.model if self._live else parse(target.before or "")
        try_binds(new_binds(running, target.model), held=running.binds)
        try:
            same = running.runtime_socket == target.model.runtime_socket
            if same and (path := lost_socket(target.model)):
                log.warning("the runtime socket is gone: two reloads bring it back", path=path)
                bind_anew(target, lambda: self._reload_now(running))
            keep_health(running, target.model)
            files.install(staged, target.config)
            live = self._running_now(self._reload_now(running), target.text, target.model)
        except LbdiscError:
            target.restore()
            raise
        finally:
            reset_health(target.model)
        return Applied(how="reload", detail=f"worker {live.pid}")

    def _start(self, target: Target, staged: Path) -> Applied:
        """Start a managed HAProxy; a supervisor starts an attached one, with the file in place."""
        reset_health(target.model)
        if self._workers.managed is None:
            files.install(staged, target.config)
            raise Unreachable(
                f"{target.config} is written, but no HAProxy answers at "
                f"{self._settings.master_socket}: start it with -W -S, "
                "or set haproxy.master_socket"
            )
        try_binds(target.model.binds)
        files.install(staged, target.config)
        try:
            worker = self._workers.start(target.model.runtime_socket)
            live = self._running_now(worker, target.text, target.model)
        except LbdiscError:
            target.restore()
            self._start_last_good(target)
            raise
        return Applied(how="start", detail=f"worker {live.pid}")

    def _start_last_good(self, target: Target) -> None:
        """The new file does not start: rather serve what served last."""
        if self._workers.managed is None or target.before in (None, target.text):
            return
        assert target.before is not None
        good = parse(target.before)
        with suppress(LbdiscError):
            self._running_now(self._workers.start(good.runtime_socket), target.before, good)
            log.warning("HAProxy was started with the last good configuration")

    def _reload_now(self, running: Configuration) -> int:
        if self._live is not None:
            self._live.close()
        return self._workers.reload(running.runtime_socket, limit=self._settings.reload_limit)

    def _running_now(self, worker: int, text: str, wanted: Configuration) -> Live:
        """The new worker answers at its runtime socket: from now on ``wanted`` runs."""
        features = OLDEST
        if wanted.runtime_socket:
            with Runtime(wanted.runtime_socket, timeout=ANSWER_LIMIT) as runtime:
                runtime.observe(pid=worker)
                features = runtime.features()
        self._forget_live()
        self._live = Live(worker, text, wanted, features, time.monotonic)
        return self._live

    def _forget_live(self) -> None:
        """What runs is not known any more."""
        if self._live is not None:
            self._live.close()
        self._live = None

    def verify(self, candidate: str, *, thorough: bool) -> str:
        difference = self._difference(candidate, thorough=thorough)
        if difference and self._live is not None:
            self._live.close()  # it may be to a worker that has been replaced
        return difference

    def _difference(self, candidate: str, *, thorough: bool) -> str:
        if self._workers.died:
            return self._workers.died
        if self._live is None:
            return "what runs is not known"
        try:
            worker = self._workers.current(self._live.model.runtime_socket)
        except HaproxyError as error:
            return str(error)
        if path := lost_socket(self._live.model):
            return f"the runtime socket {path} is gone"
        if failure := self._follower.error:
            return f"the file cannot follow: {failure}"
        if worker != (ours := self._live.pid):
            self._forget_live()
            return f"worker {worker} runs instead of {ours}: someone else reloaded it"
        return self._live.compared(parse(candidate)) if thorough else ""

    def drained(self, endpoints: Sequence[Endpoint]) -> frozenset[Endpoint]:
        """Those that neither the worker nor one before it has a session on."""
        return self._drains.over(self._live, endpoints) if self._live else frozenset()

    def tend(self, config: Path) -> Applied | None:
        """Delete what is no longer used; the settling reload before HAProxy 3.0."""
        live = self._live
        if live is None:
            return None
        live.connect()
        live.delete_parked()
        if not live.settles(self._settings.settle_after):
            return None
        self._follower.settle()
        return None if self._follower.error else self._settle(config, live)

    def _settle(self, config: Path, live: Live) -> Applied:
        """Reload what runs, so that all its servers reuse connections; tried again if it fails."""
        live.begin_anew()
        target = Target(config, live.text, live.model, live.text)
        try:
            with files.staged(config, live.text) as staged:
                self._check(staged, config)
                applied = self._reload(target, staged)
        except OSError as error:
            raise ApplyError(f"cannot write {config}: {error.strerror or error}") from error
        return Applied(how="reload", detail=f"settled, connections are reused; {applied.detail}")

    def behind(self) -> bool:
        return self._follower.behind

    def close(self) -> None:
        stops = self._workers.managed is not None and self._settings.on_stop == "stop"
        if not self._follower.settle(0.2 if stops else 1.2):
            log.warning("stopped before the file followed; the next start writes it")
        self._forget_live()
        if self._workers.managed is None:
            return
        if self._settings.on_stop == "leave":
            self._workers.managed.release()
            return
        began = time.monotonic()
        self._workers.managed.stop(soft=0.8, limit=1.3)
        log.info("HAProxy stopped", ms=round((time.monotonic() - began) * 1000, 1))
