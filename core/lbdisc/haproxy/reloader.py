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
from lbdisc.errors import ApplyError, LbdiscError, NotLoaded
from lbdisc.haproxy.adoption import NotAdopted
from lbdisc.haproxy.advice import advice
from lbdisc.haproxy.beside.beside import FileNames
from lbdisc.haproxy.beside.planning import FilesPlan
from lbdisc.haproxy.binding.binder import binder
from lbdisc.haproxy.binding.probing import try_new
from lbdisc.haproxy.drains import HaproxyDrains
from lbdisc.haproxy.ending import Ending
from lbdisc.haproxy.errors import Forbidden, HaproxyError, Occupied, Unreachable
from lbdisc.haproxy.failed import cause_of
from lbdisc.haproxy.first_contact import servers_in
from lbdisc.haproxy.health_file import keep_health, reset_health
from lbdisc.haproxy.language.text import Configuration
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.long_connections import patience, told_of
from lbdisc.haproxy.lost_socket import bind_anew, lost_socket
from lbdisc.haproxy.observing import HaproxyHealth
from lbdisc.haproxy.parts import Parts
from lbdisc.haproxy.planning.plan import Plan
from lbdisc.haproxy.reaching import ANSWER_LIMIT, why_none
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
from lbdisc.spread import own_share
from lbdisc.values import Endpoint, Snapshot

log = structlog.get_logger("lbdisc.haproxy")
COOL_DOWN = 60.0  # seconds without changes at run time after HAProxy refused one


class HaproxyReloader:
    """Checks, writes and reloads; brings back the last good file when that fails."""

    def __init__(self, settings: HaproxySettings) -> None:
        parts = Parts(settings)
        self._settings = parts.settings
        self._memory = parts.memory
        self._workers = parts.workers
        self._names = parts.names
        self._check = parts.check
        self._look = parts.look
        self._no_worse = parts.no_worse
        self._beside = parts.beside
        self._running = parts.running
        self._around = parts.around
        self._follower = parts.follower
        self._failures = parts.failures
        self._fallback = parts.fallback
        self._drains = HaproxyDrains(settings.master_socket)
        self._health = HaproxyHealth(settings.master_socket)
        self._ending = Ending(settings, self._workers, self._running, self._follower)
        self._patience = patience(settings, own_share(settings.master_socket))
        self._undid = False  # the last change at run time had to be taken back

    def check(self, candidate: Path) -> None:
        """``haproxy -c``. Raises ``CheckError`` with HAProxy's own words and line numbers."""
        self._names.refuse_unanswered((atomic.held(candidate) or ""), self._running.live)
        self._look(candidate, around=self._around.near(candidate))

    def advice(self, renderer: Renderer, sample: Snapshot) -> tuple[str, ...]:
        """What HAProxy takes and lbdisc would rather have: see ``lbdisc.haproxy.advice``."""
        return advice(renderer, sample, self._around.near().parse)

    def plan(self, config: Path, running: Rendered | None, candidate: Rendered) -> Steps:
        """Runtime commands, or a reload and why, from what the worker that serves really runs."""
        self._memory.config = config
        return self._steps(config, candidate, self._way(config, candidate))

    def _steps(self, config: Path, candidate: Rendered, found: Way) -> Steps:
        live = self._running.live
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
        if self._running.live is None:
            self._around.learn()
            if how := self._take_over(config, candidate):
                return Way(how)
        assert self._running.live is not None
        if why := self._around.changed(config):
            return Way(Reload(why))
        return self._way_within(self._running.live, config, candidate)

    def _way_within(self, live: Live, config: Path, candidate: Rendered) -> Way:
        """Beside the files that ``live`` has read."""
        now = Rendered(live.text, self._running.files)
        ours, beside = self._beside.ours(config, now, candidate), self._beside.changes()
        files = ours.and_then(beside)
        if why := self._memory.differs or files.reason:
            return Way(Reload(why))
        if (now != candidate or files.steps) and (why := self._barred(live)):
            return Way(Reload(why))
        found = live.plan(candidate.text, max_changes=self._settings.max_changes)
        way = Way(steps_how(found, files), found, ours, beside)
        if isinstance(way.how, Nothing) and not (self.behind() or is_written(config, candidate)):
            return replace(way, how=Write())
        return way

    def _take_over(self, config: Path, candidate: Rendered) -> How | None:
        """Learn what runs, if that is certain; else what makes it so."""
        if self._memory.applied:
            return Reload("what runs is not known")
        try:
            serves = self._running.adopt(config, candidate)
        except NotAdopted as error:
            return Reload(str(error))
        if self._running.live is not None:
            self._around.take(self._running.live.around)
        return None if serves else Start(f"no HAProxy answers at {self._settings.master_socket}")

    def _barred(self, live: Live) -> str:
        """Why no change whatever is possible at run time now, ``""`` if some are."""
        if not self._settings.runtime:
            return "haproxy.runtime is off"
        if live.text and not live.socket:
            return why_none(live.model) or "no 'stats socket' of level admin answers"
        if path := lost_socket(live.socket):
            return f"the runtime socket {path} is gone"
        if time.monotonic() < self._memory.cools_down_until:
            return "HAProxy refused a change at run time less than a minute ago"
        return ""

    def apply(self, planned: Planned) -> Applied:
        if self._running.live is not None and not self._memory.applied:
            self._workers.alive(self._settings, planned.config, self._running.live.socket)
        self._memory.applied, self._memory.config = True, planned.config
        self._fallback.others = planned.over_another
        try:
            if self._follower.forget():
                self._undo(planned.config)
            applied = self._at_run_time(planned) or self._renew(planned)
        except OSError as error:
            what = error.strerror or error
            raise ApplyError(f"cannot write {planned.config}: {what}") from error
        self._memory.differs = ""
        return applied

    def _at_run_time(self, planned: Planned) -> Applied | None:
        """HAProxy takes the servers, then the file follows; ``None`` where a reload is needed."""
        live = self._running.live
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
                live.bring(found, text, live.around.parse(text))
        except HaproxyError as error:
            log.warning("not at run time, a reload follows", error=str(error))
            if not isinstance(error, Unreachable | Occupied):
                self._memory.cools_down_until = time.monotonic() + COOL_DOWN
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
        config, text = planned.config, planned.candidate.text
        with self._follower.yielding(config), Installation(config, planned.candidate) as new:
            self._no_worse(new.candidate, config)
            if not self._take_files(live, planned.ours):
                return None
            try:
                live.bring(found, text, live.around.parse(text))
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
        with self._follower.yielding(planned.config):
            self._follower.forget()  # an older text that was no good: this one is checked
            return self._checked_anew(planned)

    def _checked_anew(self, planned: Planned) -> Applied:
        config, around = planned.config, self._around.of(planned.config)
        wanted = planned.candidate
        model = around.parse(wanted.text)
        self._names.refuse_unanswered(wanted.text, self._running.live)
        if self._running.live is not None:
            self._names.refuse_to_stall(self._running.live, model)
        running = self._running.live.socket if self._running.live else ""
        alive = self._workers.alive(self._settings, config, running)
        if (base := self._fallback.of(config)) is not None:
            other = cause_of(around.parse(base.text), base) != cause_of(model, wanted)
            self._failures.refuse(model, wanted, costs=alive or other)
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
        self._reads(config, wanted, model)
        with self._around.trying(around), Installation(config, wanted) as new:
            if not alive and self._workers.managed is not None:
                return self._start(new, model, reason)  # it reads the file just as a check does
            self._check(new.candidate, config)
            if not alive:
                return self._start(new, model, reason)
            self._ask_before(new, model)
            return self._reload(new, model, reason)

    def _ask_before(self, new: Installation, model: Configuration) -> None:
        """Raise ``Forbidden``, rather than reload, where what comes could not be asked either."""
        before = self._around.around.parse(new.before.text) if new.before else model
        same = tuple(before.globals("stats", "socket")) == tuple(model.globals("stats", "socket"))
        if self._running.live is None and same and model.runtime_socket:
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
        with self._follower.yielding(config), atomic.staged(config, text) as staged:
            self._no_worse(staged, config)
            live.bring(found, text, live.around.parse(text))
            atomic.install(staged, config)
        self._undid = False

    def _undo(self, config: Path) -> None:
        """What runs cannot be written: back to the file, which is the truth."""
        running = self._running.live.model if self._running.live else None
        self._running.forget()
        self._undid, self._memory.differs = True, ""
        self._follower.drop()
        self._follower.forget()
        before = held(config)
        if before is None:
            return
        self._around.take(self._around.of(config))
        model = self._around.around.parse(before.text)
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
        live = self._running.live
        running = live.model if live else self._around.around.parse(before)
        self._probe(running, model, new.rendered.text)
        new.install()
        try:
            same = running.runtime_socket == model.runtime_socket
            socket = running.runtime_socket
            if same and not self._around.around and (path := lost_socket(socket)):
                log.warning("the runtime socket is gone: two reloads bring it back", path=path)
                reload = partial(self._reload_now, running)
                bind_anew(new.config, new.rendered.text, model, reload)
            keep_health(running, model)
            self._names.add_remembered(model, self._running.live)
            load = partial(self._reload_now, running)
            worker = self._failures.attempt(model, new.rendered, load)
            live = self._became(worker, new.rendered, model)
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
        self._probe(None, model, new.rendered.text)
        new.install()
        self._names.add_remembered(model, None)
        try:
            worker = self._workers.start(model.runtime_socket)
            live = self._became(worker, new.rendered, model)
            new.keep()
        except LbdiscError as error:
            try:
                self._check(new.config, new.config)  # whether the file was the cause, and where
            finally:
                new.restore()
            self._start_last_good(new, model, str(error))
            raise
        return Applied(how=Start(reason), detail=f"worker {live.pid}")

    def _start_last_good(self, new: Installation, failed: Configuration, why: str) -> None:
        """The new files do not start: rather serve what served last."""
        before = new.before
        if self._workers.managed is None or before is None or before == new.rendered:
            return
        good = self._around.around.parse(before.text)
        self._reads(new.config, before, good)
        with suppress(LbdiscError):
            self._became(self._workers.start(good.runtime_socket), before, good)
            self._failures.failed(failed, new.rendered, why, 0.0)
            log.warning("HAProxy was started with the last good configuration")

    def _probe(self, running: Configuration | None, model: Configuration, text: str) -> None:
        """Raise ``NotLoaded`` where HAProxy would not get what it is to listen on."""
        ours = self._workers.managed is not None
        master = self._workers.master() if running else 0
        try:
            try_new(running, model, binder(master, self._settings.binary, ours=ours))
        except NotLoaded as error:
            raise NotLoaded(self._around.around.spoken(str(error), text)) from error

    def _reads(self, config: Path, rendered: Rendered, model: Configuration) -> None:
        """HAProxy is about to read all files."""
        place = self._workers.surroundings
        self._beside.about_to_read(FileNames.of(config, rendered, model, place))

    def beside(self) -> FilesBeside:
        """See ``lbdisc.abilities.ReadsFiles``."""
        return self._beside.look()

    def _reload_now(self, running: Configuration) -> int:
        if self._running.live is not None:
            self._running.live.close()
        with told_of(self._settings.master_socket, running):
            return self._workers.reload(running.runtime_socket, limit=self._settings.reload_limit)

    def _became(self, worker: int, rendered: Rendered, wanted: Configuration) -> Live:
        around, master = self._around.around, self._workers.master
        return self._running.became(worker, rendered, wanted, master=master, around=around)

    def verify(self, running: Rendered, *, thorough: bool) -> str:
        difference = self._memory.differs = self._difference(running.text, thorough=thorough)
        if difference and self._running.live is not None:
            self._running.live.close()  # it may be to a worker that has been replaced
        return difference or self._around.news(self._memory.config)

    def _difference(self, candidate: str, *, thorough: bool) -> str:
        if self._workers.died:
            return self._workers.died
        live = self._running.live
        if live is None:
            return "what runs is not known"
        try:
            worker = self._workers.current(live.socket)
        except HaproxyError as error:
            return str(error)
        if path := lost_socket(live.socket):
            return f"the runtime socket {path} is gone"
        if failure := self._follower.error:
            return f"the file cannot follow: {failure}"
        if worker != (ours := live.pid):
            self._running.forget()
            return f"worker {worker} runs instead of {ours}: someone else reloaded it"
        return live.compared(live.around.parse(candidate)) if thorough else ""

    def instead(self, config: Path, candidate: Rendered) -> Steps | None:
        """What runs with the endpoints of ``candidate``: see ``lbdisc.abilities.StandsIn``."""
        live, rendered = self._running.live, self._fallback.serving(config, candidate)
        if rendered is None:
            return None
        if self._workers.died or live is None:
            return self.plan(config, None, rendered)
        if rendered == candidate and not self._around.changed(config):
            return None
        return self._steps(config, rendered, self._way_within(live, config, rendered))

    def try_again(self) -> None:
        self._failures.try_again()
        self._around.try_again()

    @property
    def may_try(self) -> bool:
        return self._failures.changed or self._around.may_try(self._memory.config)

    def drained(self, endpoints: Sequence[Endpoint]) -> frozenset[Endpoint]:
        """Those that neither the worker nor one before it has a session on."""
        live = self._running.live
        return self._drains.over(live, endpoints) if live else frozenset()

    def health(self, endpoints: Sequence[Endpoint]) -> tuple[ServerHealth, ...]:
        """What the worker's own checks say."""
        return self._health.health(self._running.live, endpoints)

    def lingering(self) -> tuple[int, ...]:
        return self._health.lingering()

    def tend(self) -> Applied | None:
        """End leaves, delete what is no longer used; the settling reload before HAProxy 3.0."""
        live = self._running.live
        if live is None:
            return None
        live.connect()
        live.end_leaves()
        live.delete_from_maintenance()
        self._running.keep(self._workers.master)
        self._names.look(live)
        if late := live.waits_too_long(self._settings.leave_limit):
            why = f"server {late} left {self._settings.leave_limit:g} s ago and has sessions still"
            return self._renew_same(live, why, "servers that left are gone")
        if not live.settles(self._settings.settle_after) or live.warms_up():
            return None
        if self._patience.waits(live):
            return None
        why = "servers added at run time reuse nothing"
        return self._renew_same(live, why, "settled, connections are reused")

    def _renew_same(self, live: Live, why: str, done: str) -> Applied | None:
        """Reload what runs; tried again if it fails."""
        running = Rendered(live.text, self._running.files)
        if self._follower.behind or self._around.changed(self._memory.config):
            return None
        if self._failures.waits(live.model, running):
            return None
        live.begin_anew()
        if hinders := self._names.hinder(live, live.model):
            log.info("settling is put off", why=hinders)
            return None
        self._reads(self._memory.config, running, live.model)
        with Installation(self._memory.config, running) as same:
            self._check(same.candidate, self._memory.config)
            applied = self._reload(same, live.model, why)
        return Applied(how=applied.how, detail=f"{done}; {applied.detail}")

    def servers(self, text: str) -> tuple[ProxyServer, ...]:
        """Those of all proxies, as the file has them."""
        return servers_in(text)

    def remark(self, config: Path) -> str:
        """That the HAProxy at the master socket runs more than ``config``, if it does."""
        self._around.of(config)  # it has a place in haproxy.files
        try:
            return self._workers.remark(config, self._settings.files)
        except Forbidden:
            raise
        except HaproxyError:
            return ""

    def behind(self) -> bool:
        return self._follower.behind

    def interrupt(self) -> None:
        """See ``lbdisc.abilities.Interrupts``."""
        self._memory.stopping = True

    def withdraw(self, *, ends: bool) -> float:
        return self._ending.withdraw(ends=ends)

    def stays(self) -> bool:
        return self._ending.stays()

    def end(self, config: Path) -> bool:
        return self._ending.end(config)

    def close(self) -> None:
        self._ending.close()
