"""Reloader ``haproxy``: the file is the truth, the process is brought to it without a lost request.

*Managed* (the default): lbdisc starts HAProxy and watches over it. *Attached*: S6 or systemd runs
it in master-worker mode, lbdisc uses its sockets. The addresses of the runtime socket and of the
server-state file are read from the configuration itself, so that any template works.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from lbdisc import atomic
from lbdisc.beside import FilesBeside
from lbdisc.errors import ApplyError
from lbdisc.haproxy.adoption import NotAdopted
from lbdisc.haproxy.advice import advice
from lbdisc.haproxy.at_run_time import AtRunTime
from lbdisc.haproxy.drains import HaproxyDrains
from lbdisc.haproxy.ending import Ending
from lbdisc.haproxy.errors import Forbidden, HaproxyError
from lbdisc.haproxy.first_contact import servers_in
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.loading import Loading
from lbdisc.haproxy.long_connections import patience
from lbdisc.haproxy.lost_socket import lost_socket
from lbdisc.haproxy.observing import HaproxyHealth
from lbdisc.haproxy.parts import Parts
from lbdisc.haproxy.reaching import why_none
from lbdisc.haproxy.renewing import Renewing
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.haproxy.steps import Steps, Way
from lbdisc.haproxy.steps import how as steps_how
from lbdisc.hooks import Renderer
from lbdisc.installing import Installation, is_written
from lbdisc.losses import ProxyServer
from lbdisc.observed import ServerHealth
from lbdisc.planned import Applied, How, Nothing, Planned, Reload, Start, Write
from lbdisc.rendered import Rendered
from lbdisc.spread import own_share
from lbdisc.values import Endpoint, Snapshot

log = structlog.get_logger("lbdisc.haproxy")


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
        self._loading = Loading(parts)
        self._at_run_time = AtRunTime(parts, self._loading)
        self._renewing = Renewing(parts, self._loading)
        self._drains = HaproxyDrains(settings.master_socket)
        self._health = HaproxyHealth(settings.master_socket)
        self._ending = Ending(settings, self._workers, self._running, self._follower)
        self._patience = patience(settings, own_share(settings.master_socket))

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
                self._at_run_time.undo(planned.config)
            applied = self._at_run_time.bring(planned) or self._renewing.renew(planned)
        except OSError as error:
            what = error.strerror or error
            raise ApplyError(f"cannot write {planned.config}: {what}") from error
        self._memory.differs = ""
        return applied

    def beside(self) -> FilesBeside:
        """See ``lbdisc.abilities.ReadsFiles``."""
        return self._beside.look()

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
        self._loading.reads(self._memory.config, running, live.model)
        with Installation(self._memory.config, running) as same:
            self._check(same.candidate, self._memory.config)
            applied = self._loading.reload(same, live.model, why)
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
