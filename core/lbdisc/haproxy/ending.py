"""The end: whether HAProxy stops with lbdisc, who is told before, and how it is stopped."""

import os
import time
from pathlib import Path

import structlog

from lbdisc.errors import ApplyError
from lbdisc.haproxy import readiness
from lbdisc.haproxy.follower import Follower
from lbdisc.haproxy.process.managed import Managed
from lbdisc.haproxy.process.workers import Workers
from lbdisc.haproxy.running import Running
from lbdisc.haproxy.settings import HaproxySettings

log = structlog.get_logger("lbdisc.haproxy")


class Ending:
    """Ends the HAProxy of ``workers``, or leaves it; ``follower`` writes the last file before."""

    def __init__(
        self, settings: HaproxySettings, workers: Workers, running: Running, follower: Follower
    ) -> None:
        self._settings = settings
        self._workers = workers
        self._running = running
        self._follower = follower

    @property
    def _stops(self) -> bool:
        """Whether a managed HAProxy stops when we do; the end of process 1 ends all others."""
        return self._settings.on_stop == "stop" or os.getpid() == 1

    @property
    def _attached(self) -> bool:
        return self._settings.mode == "attached"

    def withdraw(self, *, ends: bool) -> float:
        """See ``lbdisc.abilities.Withdraws``."""
        live, grace = self._running.live, self._settings.grace or 0.0
        if not grace or live is None or not (ends or self._stops or self._attached):
            return 0.0
        if not readiness.is_asked(live.socket, live.text):
            raise ApplyError(f"no 'monitor fail' looks at {readiness.LEAVING} (haproxy.grace)")
        readiness.fail(live.socket)
        return grace

    def stays(self) -> bool:
        """See ``lbdisc.abilities.Ends``."""
        # An attached one with a grace stops whenever we do.
        return not (self._settings.grace if self._attached else self._stops)

    def close(self) -> None:
        """Let go of it, or stop it where that is set."""
        managed = self._workers.managed
        if self._stops and managed is not None and managed.alive():
            self._stop(managed)
        else:
            self._write_the_last(1.2)
        self._running.close()
        if managed is not None:
            managed.release()

    def end(self, config: Path) -> bool:
        """End a managed HAProxy, also one that an agent before has left; whether there was one."""
        if self._attached or not self._workers.alive(self._settings, config, ""):
            return False
        assert self._workers.managed is not None
        self._stop(self._workers.managed)
        return True

    def _write_the_last(self, limit: float) -> None:
        if not self._follower.settle(limit):
            log.warning("stopped before the file followed; the next start writes it")

    def _stop(self, managed: Managed) -> None:
        self._write_the_last(0.2)
        self._running.forget()
        began = time.monotonic()
        managed.stop(soft=0.8, limit=1.3)
        log.info("HAProxy stopped", ms=round((time.monotonic() - began) * 1000, 1))
