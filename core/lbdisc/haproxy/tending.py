"""Housekeeping while all is well: leaves end, leftovers go, connections are reused again."""

import structlog

from lbdisc.haproxy.live import Live
from lbdisc.haproxy.loading import Loading
from lbdisc.haproxy.long_connections import patience
from lbdisc.haproxy.parts import Parts
from lbdisc.installing import Installation
from lbdisc.planned import Applied
from lbdisc.rendered import Rendered
from lbdisc.spread import own_share

log = structlog.get_logger("lbdisc.haproxy")


class Tending:
    """See ``lbdisc.abilities.Tends``."""

    def __init__(self, parts: Parts, loading: Loading) -> None:
        settings = parts.settings
        self._settings = settings
        self._memory = parts.memory
        self._workers = parts.workers
        self._names = parts.names
        self._check = parts.check
        self._running = parts.running
        self._around = parts.around
        self._follower = parts.follower
        self._failures = parts.failures
        self._loading = loading
        self._patience = patience(settings, own_share(settings.master_socket))

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
