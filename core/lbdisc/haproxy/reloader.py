"""Reloader ``haproxy``: the file is the truth, the process is brought to it without a lost request.

*Managed* (the default): lbdisc starts HAProxy and watches over it. *Attached*: S6 or systemd runs
it in master-worker mode, lbdisc uses its sockets. The addresses of the runtime socket and of the
server-state file are read from the configuration itself, so that any template works.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog

from lbdisc import atomic
from lbdisc.beside import FilesBeside
from lbdisc.errors import ApplyError, LbdiscError
from lbdisc.haproxy.adoption import NotAdopted
from lbdisc.haproxy.advice import advice
from lbdisc.haproxy.beside.beside import Beside, Names
from lbdisc.haproxy.beside.fault import NoWorse
from lbdisc.haproxy.beside.planning import FilesPlan
from lbdisc.haproxy.binds import new_binds, try_binds
from lbdisc.haproxy.drains import HaproxyDrains
from lbdisc.haproxy.ending import Ending
from lbdisc.haproxy.errors import Forbidden, HaproxyError, Unreachable
from lbdisc.haproxy.first_contact import servers_in
from lbdisc.haproxy.follower import Follower
from lbdisc.haproxy.health_file import keep_health, reset_health
from lbdisc.haproxy.language.text import Configuration, parse
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.lost_socket import bind_anew, lost_socket
from lbdisc.haproxy.observing import HaproxyHealth
from lbdisc.haproxy.planning.plan import Plan
from lbdisc.haproxy.process.program import FileChecker, check_config
from lbdisc.haproxy.process.surroundings import Surroundings
from lbdisc.haproxy.process.workers import Workers
from lbdisc.haproxy.remembered import WorkerNote
from lbdisc.haproxy.running import ANSWER_LIMIT, Running
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.haproxy.sockets.closed import own_group
from lbdisc.haproxy.sockets.socket import dial
from lbdisc.haproxy.steps import Steps, Way
from lbdisc.haproxy.steps import how as steps_how
from lbdisc.hooks import Renderer
from lbdisc.installing import Installation, held, is_written
from lbdisc.losses import ProxyServer
from lbdisc.observed import ServerHealth
from lbdisc.planned import Applied, AtRuntime, How, Nothing, Planned, Reload, Start, Write
from lbdisc.rendered import Rendered
from lbdisc.values import Endpoint, Snapshot

log = structlog.get_logger("lbdisc.haproxy")
COOL_DOWN = 60.0  # seconds without changes at run time after HAProxy refused one


class HaproxyReloader:
    """Checks, writes and reloads; brings back the last good file when that fails."""

    def __init__(self, settings: HaproxySettings) -> None:
        self._settings = settings
        note = WorkerNote(Path(settings.worker_file))
        self._workers = Workers(settings.master_socket, note.master)
        self._check = FileChecker(settings.binary, self._around)
        self._beside = Beside(self._check)
        self._running = Running(settings, note, self._beside)
        self._config = Path()
        self._differs = ""  # what runs, from what should, at the last look
        self._drains = HaproxyDrains(settings.master_socket)
        self._health = HaproxyHealth(settings.master_socket)
        self._no_worse = NoWorse(self._check)
        self._follower = Follower(self._no_worse)
        self._ending = Ending(settings, self._workers, self._running, self._follower)
        self._undid = False  # the last change at run time had to be taken back
        self._applied = False  # whether anything was; `lbdisc plan` only asks
        self._cools_down_until = float("-inf")

    def check(self, candidate: Path) -> None:
        """``haproxy -c``. Raises ``CheckError`` with HAProxy's own words and line numbers."""
        check_config(self._settings.binary, candidate, around=self._around())

    def _around(self) -> Surroundings | None:
        """Those of a HAProxy that a supervisor started, which may not be ours."""
        return self._workers.surroundings() if self._settings.mode == "attached" else None

    def advice(self, renderer: Renderer, sample: Snapshot) -> tuple[str, ...]:
        """What HAProxy takes and lbdisc would rather have: see ``lbdisc.haproxy.advice``."""
        return advice(renderer, sample)

    def plan(self, config: Path, running: Rendered | None, candidate: Rendered) -> Steps:
        """Runtime commands, or a reload and why, from what the worker that serves really runs."""
        found = self._way(config, candidate)
        live = self._live
        return Steps(
            config=config,
            candidate=candidate,
            how=found.how,
            plan=found.plan,
            ours=found.ours,
            beside=found.beside,
            text=live.text if live else "",
            in_maintenance=live.in_maintenance if live else None,
        )

    def _way(self, config: Path, candidate: Rendered) -> Way:
        if self._workers.died:
            return Way(Start(self._workers.died))
        if self._live is None and (how := self._take_over(config, candidate)):
            return Way(how)
        assert self._live is not None
        now = Rendered(self._live.text, self._running.files)
        ours, beside = self._beside.ours(config, now, candidate), self._beside.changes()
        files = ours.and_then(beside)
        if why := self._differs or files.reason:
            return Way(Reload(why))
        if (now != candidate or files.steps) and (why := self._barred(self._live)):
            return Way(Reload(why))
        found = self._live.plan(candidate.text, max_changes=self._settings.max_changes)
        way = Way(steps_how(found, files), found, ours, beside)
        if isinstance(way.how, Nothing) and not (self.behind() or is_written(config, candidate)):
            return replace(way, how=Write())
        return way

    def _take_over(self, config: Path, candidate: Rendered) -> How | None:
        """Learn what runs, if that is certain; else what makes it so."""
        if self._applied:
            return Reload("what runs is not known")
        try:
            serves = self._running.adopt(config, candidate)
        except NotAdopted as error:
            return Reload(str(error))
        return None if serves else Start(f"no HAProxy answers at {self._settings.master_socket}")

    def _barred(self, live: Live) -> str:
        """Why no change whatever is possible at run time now, ``""`` if some are."""
        if not self._settings.runtime:
            return "haproxy.runtime is off"
        if live.text and not live.model.runtime_socket:
            return "the configuration has no 'stats socket' of level admin"
        if path := lost_socket(live.model):
            return f"the runtime socket {path} is gone"
        if time.monotonic() < self._cools_down_until:
            return "HAProxy refused a change at run time less than a minute ago"
        return ""

    def apply(self, planned: Planned) -> Applied:
        if self._live is not None and not self._applied:
            self._workers.alive(self._settings, planned.config, self._live.model.runtime_socket)
        self._applied, self._config = True, planned.config
        try:
            if self._follower.forget():
                self._undo(planned.config)
            applied = self._at_run_time(planned) or self._renew(planned)
        except OSError as error:
            what = error.strerror or error
            raise ApplyError(f"cannot write {planned.config}: {what}") from error
        self._differs = ""
        return applied

    def _at_run_time(self, planned: Planned) -> Applied | None:
        """HAProxy takes the servers, then the file follows; ``None`` where a reload is needed."""
        live = self._live
        found = planned.fit(live) if isinstance(planned, Steps) else None
        if live is None or found is None or self._workers.died:
            return None
        if isinstance(planned.how, Nothing):
            return Applied(how=planned.how, detail=planned.how.detail)
        config, text = planned.config, planned.candidate.text
        assert isinstance(planned, Steps)
        if planned.beside.steps and not self._take_files(live, planned.beside):
            return None
        if planned.ours.steps:
            return self._bring_ours(live, found, planned)
        try:
            if self._undid or not found.commands:  # not again a reload for each try
                self._bring_both(live, found, config, text)
            else:
                live.bring(found, text, parse(text))
        except HaproxyError as error:
            log.warning("not at run time, a reload follows", error=str(error))
            if not isinstance(error, Unreachable):
                self._cools_down_until = time.monotonic() + COOL_DOWN
            self._running.forget()
            return None
        self._running.keep(self._workers.master)
        if found.commands:
            try:
                self._follower.follow(config, text)
            except OSError:
                self._undo(config)
                raise
        how = planned.how if found.commands or planned.beside.steps else Write()
        return Applied(how=how, detail=how.detail)

    def _take_files(self, live: Live, files: FilesPlan) -> bool:
        """Whether HAProxy took these at run time."""
        try:
            live.take_files(files.steps, self._beside.origin)
        except HaproxyError as error:
            log.warning("not at run time, a reload follows", error=str(error))
            return False
        self._beside.brought(files)
        self._running.keep(self._workers.master)
        return True

    def _bring_ours(self, live: Live, found: Plan, planned: Steps) -> Applied | None:
        """As ``_bring_both``, with all files that lbdisc renders; ``None`` for a reload."""
        self._follower.settle()
        with Installation(planned.config, planned.candidate) as new:
            self._no_worse(new.candidate, planned.config)
            if not self._take_files(live, planned.ours):
                return None
            try:
                live.bring(found, planned.candidate.text, parse(planned.candidate.text))
            except HaproxyError as error:
                log.warning("not at run time, a reload follows", error=str(error))
                self._running.forget()
                return None
            new.install()
            new.keep()
        self._running.files = planned.candidate.files
        self._running.keep(self._workers.master)
        return Applied(how=planned.how, detail=planned.how.detail)

    def _renew(self, planned: Planned) -> Applied:
        """All files are checked and installed, and HAProxy reads them."""
        config, model = planned.config, parse(planned.candidate.text)
        self._follower.settle()
        self._follower.forget()  # an older text that was no good: this one is checked
        running = self._live.model.runtime_socket if self._live else ""
        alive = self._workers.alive(self._settings, config, running)
        if not alive and self._workers.managed is None and planned.over_another:
            raise Unreachable(
                f"{config} was not written by lbdisc, and stays as it is while its HAProxy cannot"
                f" be asked: {self._workers.away}"
            )
        config.parent.mkdir(parents=True, exist_ok=True)
        reset_health(model, keep=True)
        reason = planned.how.detail
        if isinstance(planned.how, AtRuntime | Write | Nothing):
            reason = "not possible at run time"
        self._reads(config, planned.candidate, model)
        with Installation(config, planned.candidate) as new:
            self._check(new.candidate, config)
            if not alive:
                return self._start(new, model, reason)
            self._ask_before(new, model)
            return self._reload(new, model, reason)

    def _ask_before(self, new: Installation, model: Configuration) -> None:
        """Raise ``Forbidden``, rather than reload, where what comes could not be asked either."""
        before = parse(new.before.text) if new.before else model
        same = tuple(before.globals("stats", "socket")) == tuple(model.globals("stats", "socket"))
        if self._live is None and same and model.runtime_socket:
            try:
                dial(model.runtime_socket, ANSWER_LIMIT).close()
            except Forbidden as error:
                raise Forbidden(
                    f"{error}. Give its 'stats socket' mode 660 and group {own_group()}"
                    " (docs/attach.md)"
                ) from error
            except HaproxyError:
                pass  # it may be about to come

    def _bring_both(self, live: Live, found: Plan, config: Path, text: str) -> None:
        """The file is known to be good and writable before HAProxy changes."""
        self._follower.settle()
        with atomic.staged(config, text) as staged:
            self._no_worse(staged, config)
            live.bring(found, text, parse(text))
            atomic.install(staged, config)
        self._undid = False

    def _undo(self, config: Path) -> None:
        """What runs cannot be written: back to the file, which is the truth."""
        running = self._live.model if self._live else None
        self._running.forget()
        self._undid, self._differs = True, ""
        self._follower.settle()
        self._follower.forget()
        before = held(config)
        if before is None:
            return
        model = parse(before.text)
        self._reads(config, before, model)
        keep_health(running or model, model)
        try:
            with suppress(HaproxyError):
                self._became(self._reload_now(model), before, model)
        finally:
            reset_health(model)

    def _reload(self, new: Installation, model: Configuration, reason: str) -> Applied:
        """Reload hitlessly; done when the new worker answers."""
        before = new.before.text if new.before else ""
        running = self._live.model if self._live else parse(before)
        ours = self._workers.managed is not None
        try_binds(new_binds(running, model), held=running.binds, by_us=ours)
        new.install()
        try:
            same = running.runtime_socket == model.runtime_socket
            if same and (path := lost_socket(model)):
                log.warning("the runtime socket is gone: two reloads bring it back", path=path)
                reload = partial(self._reload_now, running)
                bind_anew(new.config, new.rendered.text, model, reload)
            keep_health(running, model)
            live = self._became(self._reload_now(running), new.rendered, model)
            new.keep()
        except Forbidden:
            new.keep()  # it runs, though it may not be asked
            raise
        finally:
            new.restore()
            reset_health(model)
        return Applied(how=Reload(reason), detail=f"worker {live.pid}")

    def _start(self, new: Installation, model: Configuration, reason: str) -> Applied:
        """Start a managed HAProxy; a supervisor starts an attached one, with the file in place."""
        reset_health(model)
        if self._workers.managed is None:
            new.install()
            new.keep()
            raise Unreachable(
                f"{new.config} is written, but no HAProxy answers at"
                f" {self._settings.master_socket} ({self._workers.away}): start it with -W -S,"
                " or set haproxy.master_socket"
            )
        try_binds(model.binds)
        new.install()
        try:
            worker = self._workers.start(model.runtime_socket)
            live = self._became(worker, new.rendered, model)
            new.keep()
        except LbdiscError:
            new.restore()
            self._start_last_good(new)
            raise
        return Applied(how=Start(reason), detail=f"worker {live.pid}")

    def _start_last_good(self, new: Installation) -> None:
        """The new files do not start: rather serve what served last."""
        before = new.before
        if self._workers.managed is None or before is None or before == new.rendered:
            return
        good = parse(before.text)
        self._reads(new.config, before, good)
        with suppress(LbdiscError):
            self._became(self._workers.start(good.runtime_socket), before, good)
            log.warning("HAProxy was started with the last good configuration")

    def _reads(self, config: Path, rendered: Rendered, model: Configuration) -> None:
        """HAProxy is about to read all files."""
        self._beside.about_to_read(Names.of(config, rendered, model, self._workers.surroundings))

    def beside(self) -> FilesBeside:
        """See ``lbdisc.abilities.ReadsFiles``."""
        return self._beside.look()

    def _reload_now(self, running: Configuration) -> int:
        if self._live is not None:
            self._live.close()
        return self._workers.reload(running.runtime_socket, limit=self._settings.reload_limit)

    def _became(self, worker: int, rendered: Rendered, wanted: Configuration) -> Live:
        return self._running.became(worker, rendered, wanted, master=self._workers.master)

    @property
    def _live(self) -> Live | None:
        return self._running.live

    def verify(self, running: Rendered, *, thorough: bool) -> str:
        difference = self._differs = self._difference(running.text, thorough=thorough)
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
            self._running.forget()
            return f"worker {worker} runs instead of {ours}: someone else reloaded it"
        return self._live.compared(parse(candidate)) if thorough else ""

    def drained(self, endpoints: Sequence[Endpoint]) -> frozenset[Endpoint]:
        """Those that neither the worker nor one before it has a session on."""
        return self._drains.over(self._live, endpoints) if self._live else frozenset()

    def health(self, endpoints: Sequence[Endpoint]) -> tuple[ServerHealth, ...]:
        """What the worker's own checks say."""
        return self._health.health(self._live, endpoints)

    def lingering(self) -> tuple[int, ...]:
        return self._health.lingering()

    def tend(self) -> Applied | None:
        """Delete what is no longer used; the settling reload before HAProxy 3.0."""
        live = self._live
        if live is None:
            return None
        live.connect()
        live.delete_from_maintenance()
        self._running.keep(self._workers.master)
        if not live.settles(self._settings.settle_after):
            return None
        self._follower.settle()
        return None if self._follower.error else self._settle(live)

    def _settle(self, live: Live) -> Applied:
        """Reload what runs, so that all its servers reuse connections; tried again if it fails."""
        live.begin_anew()
        running = Rendered(live.text, self._running.files)
        self._reads(self._config, running, live.model)
        with Installation(self._config, running) as same:
            self._check(same.candidate, self._config)
            applied = self._reload(same, live.model, "servers added at run time reuse nothing")
        detail = f"settled, connections are reused; {applied.detail}"
        return Applied(how=applied.how, detail=detail)

    def servers(self, text: str) -> tuple[ProxyServer, ...]:
        """Those of all proxies, as the file has them."""
        return servers_in(text)

    def remark(self, config: Path) -> str:
        """That the HAProxy at the master socket runs more than ``config``, if it does."""
        try:
            return self._workers.remark(config)
        except Forbidden:
            raise
        except HaproxyError:
            return ""

    def behind(self) -> bool:
        return self._follower.behind

    def withdraw(self, *, ends: bool) -> float:
        return self._ending.withdraw(ends=ends)

    def stays(self) -> bool:
        return self._ending.stays()

    def end(self, config: Path) -> bool:
        return self._ending.end(config)

    def close(self) -> None:
        self._ending.close()
