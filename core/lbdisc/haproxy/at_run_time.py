"""HAProxy is changed at run time and its files follow; where that fails, nothing is lost."""

import time
from contextlib import suppress
from pathlib import Path

import structlog

from lbdisc import atomic
from lbdisc.haproxy.beside.planning import FilesPlan
from lbdisc.haproxy.errors import HaproxyError, Occupied, Unreachable
from lbdisc.haproxy.health_file import keep_health, reset_health
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.loading import Loading
from lbdisc.haproxy.parts import Parts
from lbdisc.haproxy.planning.plan import Plan
from lbdisc.haproxy.steps import Steps
from lbdisc.installing import NEW, Installation, held
from lbdisc.planned import Applied, Nothing, Planned, Write

log = structlog.get_logger("lbdisc.haproxy")
COOL_DOWN = 60.0  # seconds without changes at run time after HAProxy refused one


class AtRunTime:
    """Brings plans to the worker that serves, and takes back what no file could hold."""

    def __init__(self, parts: Parts, loading: Loading) -> None:
        self._memory = parts.memory
        self._workers = parts.workers
        self._no_worse = parts.no_worse
        self._beside = parts.beside
        self._running = parts.running
        self._around = parts.around
        self._follower = parts.follower
        self._loading = loading
        self._undid = False  # the last change at run time had to be taken back

    def bring(self, planned: Planned) -> Applied | None:
        """HAProxy takes the servers, then the file follows; ``None`` where a reload is needed."""
        live = self._running.live
        found = planned.fit(live) if isinstance(planned, Steps) else None
        if live is None or found is None or self._workers.died:
            return None
        if isinstance(planned.how, Nothing):
            return Applied(how=planned.how, detail=planned.how.detail)
        assert isinstance(planned, Steps)
        if planned.beside.steps and not self._take_files(live, planned.beside):
            return None
        if planned.ours.steps:
            return self._bring_ours(live, found, planned)
        return self._bring_servers(live, found, planned)

    def _bring_servers(self, live: Live, found: Plan, planned: Steps) -> Applied | None:
        config, text = planned.config, planned.candidate.text
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
                self.undo(config)
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

    def _bring_both(self, live: Live, found: Plan, config: Path, text: str) -> None:
        """The file is known to be good and writable before HAProxy changes."""
        with self._follower.yielding(config), atomic.staged(config, text, new=NEW) as staged:
            self._no_worse(staged, config)
            live.bring(found, text, live.around.parse(text))
            atomic.install(staged, config)
        self._undid = False

    def undo(self, config: Path) -> None:
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
        self._loading.reads(config, before, model)
        keep_health(running or model, model)
        try:
            with suppress(HaproxyError):
                self._loading.became(self._loading.reload_now(model), before, model)
        finally:
            reset_health(model)
