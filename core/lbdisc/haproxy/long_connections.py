"""Connections that outlast a reload: the settling reload waits for them, others tell of them.

A reload cuts none at once: the worker before goes on with what it has, until the last connection
ends or ``hard-stop-after`` is over.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog

from lbdisc.haproxy.errors import HaproxyError, Unreachable
from lbdisc.haproxy.language.durations import seconds
from lbdisc.haproxy.language.text import Configuration
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.rows import Info
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.haproxy.sockets.streams import LongConnections

log = structlog.get_logger("lbdisc.haproxy")
PATIENCE = 2.0  # seconds; the agent waits meanwhile
LOOK = 5.0  # seconds between two looks at the streams, of which there may be many
EARLIER = 0.25  # of the limit: within this last part of it, each of a fleet has its own end


class TunnelPatience:
    """How long the settling reload waits while connections last. ``share`` as in ``Live``."""

    def __init__(self, limit: float, share: float, clock: Callable[[], float]) -> None:
        self._limit = limit * (1 - EARLIER * share)
        self._clock = clock
        self._waits_for = (0, 0.0)  # the worker, and when its first unsettled server came
        self._next = float("-inf")

    def waits(self, live: Live) -> bool:
        """Whether to reload later. Says so at the first time, and for how long at most."""
        now = self._clock()
        if live.unsettled is None or now >= live.unsettled[0] + self._limit:
            return False
        this = live.pid, live.unsettled[0]
        if self._waits_for == this and now < self._next:
            return True
        try:
            found = connections_of(live)
        except HaproxyError:
            return False
        if not found.count:
            return False
        self._next = now + LOOK
        if self._waits_for != this:
            left = live.unsettled[0] + self._limit - now
            log.info("the settling reload waits", connections=str(found), at_most_s=round(left))
        self._waits_for = this
        return True


def patience(settings: HaproxySettings, share: float) -> TunnelPatience:
    return TunnelPatience(settings.settle_limit, share, time.monotonic)


def connections_of(live: Live) -> LongConnections:
    """Those of the worker that serves. Raises ``HaproxyError``."""
    pid, reply = _streams("", live.model)
    if pid != live.pid:
        raise Unreachable(f"worker {pid} answers instead of {live.pid}")
    return LongConnections.read(reply, frontends(live.model))


@contextmanager
def told_of(master_socket: str, running: Configuration) -> Iterator[None]:
    """Around a reload of ``running``: say what that worker goes on with after it, until when."""
    worker, found = 0, LongConnections()
    with suppress(HaproxyError):
        worker, reply = _streams(master_socket, running)
        found = LongConnections.read(reply, frontends(running))
    yield
    if found.count:
        left = {"worker": worker, "connections": str(found), "until": until(running)}
        log.info("the worker before finishes what it has", **left)


def _streams(master_socket: str, running: Configuration) -> tuple[int, str]:
    """The worker that serves, and its streams; its own socket is ten times as fast."""
    if running.runtime_socket:
        with Runtime(running.runtime_socket, timeout=PATIENCE) as runtime:
            told, reply = runtime.ask_all(["show info", "show sess"])
        return Info.read(told).pid, reply
    master = Master(master_socket, timeout=PATIENCE)
    worker = master.processes().current
    pid = worker.pid if worker else 0
    return pid, master.ask(f"@!{pid} show sess") if pid else ""


def until(model: Configuration) -> str:
    """When a worker ends that a reload replaces now, whatever it still has."""
    limits = [line.words[1] for line in model.globals("hard-stop-after") if len(line.words) > 1]
    limit = seconds(limits[-1]) if limits else None
    if not limit:
        return "the last of them ends"
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + limit))
    return f"{end} at most (hard-stop-after {limits[-1]})"


def frontends(model: Configuration) -> frozenset[str]:
    """Where clients come in."""
    return frozenset(s.name for s in model.sections if s.kind in ("frontend", "listen"))
