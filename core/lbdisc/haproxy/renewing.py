"""All files are checked and installed, and HAProxy reads them: where no change at run time does."""

import time
from dataclasses import replace
from pathlib import Path

from lbdisc.haproxy.around import Around
from lbdisc.haproxy.errors import Forbidden, HaproxyError, Unreachable
from lbdisc.haproxy.failed import cause_of
from lbdisc.haproxy.health_file import reset_health
from lbdisc.haproxy.language.text import Configuration
from lbdisc.haproxy.loading import Loading
from lbdisc.haproxy.parts import Parts
from lbdisc.haproxy.reaching import ANSWER_LIMIT
from lbdisc.haproxy.sockets.closed import own_group
from lbdisc.haproxy.sockets.socket import dial
from lbdisc.installing import Installation
from lbdisc.own_files import make_folder
from lbdisc.planned import Applied, AtRuntime, How, Nothing, Planned, Write


class Renewing:
    """Refuses before anything is written whatever can be known to fail."""

    def __init__(self, parts: Parts, loading: Loading) -> None:
        self._settings = parts.settings
        self._workers = parts.workers
        self._names = parts.names
        self._check = parts.check
        self._running = parts.running
        self._around = parts.around
        self._follower = parts.follower
        self._failures = parts.failures
        self._fallback = parts.fallback
        self._loading = loading

    def renew(self, planned: Planned) -> Applied:
        """All files are checked and installed, and HAProxy reads them. Raises ``LbdiscError``."""
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
        self._refuse_failed(planned, around, model, alive=alive)
        if not alive and planned.over_another:
            self._refuse_unasked(config)
        make_folder(config.parent, 0o755)
        reset_health(model, keep=True)
        self._loading.reads(config, wanted, model)
        with self._around.trying(around), Installation(config, wanted) as new:
            return self._brought(new, model, _reason(planned.how), alive=alive)

    def _refuse_failed(
        self, planned: Planned, around: Around, model: Configuration, *, alive: bool
    ) -> None:
        """Raise ``NotLoaded`` for what failed before, where something else serves or could."""
        if (base := self._fallback.of(planned.config)) is not None:
            other = cause_of(around.parse(base.text), base) != cause_of(model, planned.candidate)
            self._failures.refuse(model, planned.candidate, costs=alive or other)

    def _refuse_unasked(self, config: Path) -> None:
        """Raise ``Unreachable``, rather than write over a stranger's, where a supervisor starts."""
        if self._workers.managed is None:
            raise Unreachable(
                f"{config} was not written by lbdisc, and stays as it is while its HAProxy cannot"
                f" be asked: {self._workers.away}"
            )

    def _brought(
        self, new: Installation, model: Configuration, reason: str, *, alive: bool
    ) -> Applied:
        if not alive and self._workers.managed is not None:
            # It reads the file just as a check does.
            return self._loading.start(new, model, reason)
        began = time.monotonic()
        self._check(new.candidate, new.config)
        check_ms = (time.monotonic() - began) * 1000
        if not alive:
            return self._loading.start(new, model, reason)
        self._ask_before(new, model)
        return replace(self._loading.reload(new, model, reason), check_ms=check_ms)

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


def _reason(how: How) -> str:
    if isinstance(how, AtRuntime | Write | Nothing):
        return "not possible at run time"
    return how.detail
