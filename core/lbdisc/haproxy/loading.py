"""HAProxy reads files that are in place: by a reload, by a start, and the last good ones again."""

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

import structlog

from lbdisc.errors import LbdiscError, NotLoaded
from lbdisc.haproxy.beside.beside import FileNames
from lbdisc.haproxy.binding.binder import binder
from lbdisc.haproxy.binding.probing import try_new
from lbdisc.haproxy.errors import Forbidden, Unreachable
from lbdisc.haproxy.health_file import keep_health, reset_health
from lbdisc.haproxy.language.text import Configuration
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.long_connections import told_of
from lbdisc.haproxy.lost_socket import bind_anew, lost_socket
from lbdisc.haproxy.parts import Parts
from lbdisc.installing import Installation
from lbdisc.planned import Applied, Reload, Start
from lbdisc.rendered import Rendered

log = structlog.get_logger("lbdisc.haproxy")


class Loading:
    """Brings new files to life, and has the files before them restored where that fails."""

    def __init__(self, parts: Parts) -> None:
        self._settings = parts.settings
        self._workers = parts.workers
        self._names = parts.names
        self._check = parts.check
        self._beside = parts.beside
        self._running = parts.running
        self._around = parts.around
        self._failures = parts.failures

    def reload(self, new: Installation, model: Configuration, reason: str) -> Applied:
        """Reload hitlessly; done when the new worker answers."""
        before = new.before.text if new.before else ""
        live = self._running.live
        running = live.model if live else self._around.around.parse(before)
        self._probe(running, model, new.rendered.text)
        new.install()
        try:
            self._bind_lost(new, running, model)
            keep_health(running, model)
            self._names.add_remembered(model, self._running.live)
            load = partial(self.reload_now, running)
            worker = self._failures.attempt(model, new.rendered, load)
            live = self.became(worker, new.rendered, model)
            new.keep()
        except Forbidden:
            new.keep()  # it runs, though it may not be asked
            raise
        finally:
            new.restore()
            reset_health(model)
        return Applied(how=Reload(reason), detail=f"worker {live.pid}")

    def _bind_lost(self, new: Installation, running: Configuration, model: Configuration) -> None:
        """Bring the file of the runtime socket back, where it was removed."""
        same = running.runtime_socket == model.runtime_socket
        socket = running.runtime_socket
        if same and not self._around.around and (path := lost_socket(socket)):
            log.warning("the runtime socket is gone: two reloads bring it back", path=path)
            reload = partial(self.reload_now, running)
            bind_anew(new.config, new.rendered.text, model, reload)

    def start(self, new: Installation, model: Configuration, reason: str) -> Applied:
        """Start a managed HAProxy; a supervisor starts an attached one, with the file in place."""
        reset_health(model)
        if self._workers.managed is None:
            self._leave_in_place(new)
        self._probe(None, model, new.rendered.text)
        new.install()
        self._names.add_remembered(model, None)
        try:
            worker = self._workers.start(model.runtime_socket)
            live = self.became(worker, new.rendered, model)
            new.keep()
        except LbdiscError as error:
            try:
                self._check(new.config, new.config)  # whether the file was the cause, and where
            finally:
                new.restore()
            self._start_last_good(new, model, str(error))
            raise
        return Applied(how=Start(reason), detail=f"worker {live.pid}")

    def _leave_in_place(self, new: Installation) -> NoReturn:
        new.install()
        new.keep()
        raise Unreachable(
            f"{new.config} is written, but no HAProxy answers at"
            f" {self._settings.master_socket} ({self._workers.away}): start it with -W -S,"
            " or set haproxy.master_socket"
        )

    def _start_last_good(self, new: Installation, failed: Configuration, why: str) -> None:
        """The new files do not start: rather serve what served last."""
        before = new.before
        if self._workers.managed is None or before is None or before == new.rendered:
            return
        good = self._around.around.parse(before.text)
        self.reads(new.config, before, good)
        with suppress(LbdiscError):
            self.became(self._workers.start(good.runtime_socket), before, good)
            self._failures.failed(failed, new.rendered, why, 0.0)
            log.warning("HAProxy was started with the last good configuration")

    def _probe(self, running: Configuration | None, model: Configuration, text: str) -> None:
        """Raise ``NotLoaded`` where HAProxy would not get what it is to listen on."""
        ours = self._workers.managed is not None
        master = self._workers.master() if running else 0
        try:
            settings = self._settings
            given = settings.pass_environment
            it = binder(master, settings.binary, ours=ours, passed=given)
            try_new(running, model, it)
        except NotLoaded as error:
            raise NotLoaded(self._around.around.spoken(str(error), text)) from error

    def reads(self, config: Path, rendered: Rendered, model: Configuration) -> None:
        """HAProxy is about to read all files: those beside ``config`` are noted as they are now."""
        place = self._workers.surroundings
        self._beside.about_to_read(FileNames.of(config, rendered, model, place))

    def reload_now(self, running: Configuration) -> int:
        """Reload what is in place; the new worker's pid. Raises ``HaproxyError``."""
        if self._running.live is not None:
            self._running.live.close()
        with told_of(self._settings.master_socket, running):
            return self._workers.reload(running.runtime_socket, limit=self._settings.reload_limit)

    def became(self, worker: int, rendered: Rendered, wanted: Configuration) -> Live:
        """As ``Running.became``, with what is around it now."""
        around, master = self._around.around, self._workers.master
        return self._running.became(worker, rendered, wanted, master=master, around=around)
