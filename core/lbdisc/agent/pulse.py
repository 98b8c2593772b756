"""A thread beside the agent's loop that says that it lives, and what its load balancer thinks.

The loop waits neither for a disk that hangs nor for a load balancer that does not answer; when the
loop itself hangs, the heartbeat goes on and says since when.
"""

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import TypeVar

import structlog

from lbdisc import events
from lbdisc.abilities import Lingers, Observes
from lbdisc.agent.observed import Observed
from lbdisc.agent.status import Status
from lbdisc.hooks import Reloader
from lbdisc.listening.listeners import Tell
from lbdisc.state.heartbeat import EVERY, Heartbeat
from lbdisc.state.store import Store
from lbdisc.values import Snapshot

FIRST = 1.0  # seconds after the first generation: its servers have been checked by then
SHARE = 200  # asking the load balancer may take at most this part of a processor
_log = structlog.get_logger("lbdisc.pulse")
T = TypeVar("T")


class Pulse:
    """Beats from ``start`` to ``stop``; ``turned`` is for the agent's loop."""

    def __init__(self, store: Store, status: Status, reloader: Reloader, tell: Tell) -> None:
        self._file = store.heartbeat_file
        self._status = status
        self._reloader = reloader
        self._tell = tell
        self._turned = time.monotonic()
        self._listed: Snapshot | None = None
        self._next_look = 0.0
        self._doubts = False
        self._broken = False
        self._ages: tuple[int, ...] = ()  # of old processes, in seconds
        self._told = 0  # how many of them are known
        self._stop = Event()
        self._thread = Thread(target=self._run, name="lbdisc-pulse", daemon=True)

    def start(self) -> None:
        self._turned = time.monotonic()
        self._thread.start()

    def turned(self, listed: Snapshot | None) -> None:
        """The loop has turned; ``listed`` is what is balanced now, ``None`` while nothing is."""
        self._turned, self._listed = time.monotonic(), listed

    def news(self) -> events.OldProcesses | None:
        """That there are more old processes than at the last call, or fewer; for the loop."""
        ages = self._ages
        if len(ages) == self._told:
            return None
        self._told = len(ages)
        return events.OldProcesses(count=len(ages), oldest_s=max(ages, default=None))

    def stop(self) -> None:
        """Beat no more; returns at once."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._beat()
            listed, now = self._listed, time.monotonic()
            if listed is not None and now >= self._next_look:
                began = time.thread_time()
                seen = self._look(listed)
                busy = time.thread_time() - began
                self._next_look = now + max(EVERY, busy * SHARE)
                self._say(seen)
            self._stop.wait(EVERY if listed is not None and not self._doubts else FIRST)

    def _say(self, seen: Observed) -> None:
        """A load balancer that cannot be asked is asked again before that is believed."""
        self._doubts = bool(seen.unanswered) and not self._doubts
        if self._doubts:
            self._next_look = 0.0
        else:
            self._status.observed(seen)
            told = events.ServersObserved(
                servers=seen.servers, lingering=seen.lingering, unanswered=seen.unanswered
            )
            self._tell(told)
            if seen.lingering is not None:
                self._ages = seen.lingering

    def _beat(self) -> None:
        beat = Heartbeat.now(turned_s=self._turned, unwritten=self._status.unwritten)
        try:
            beat.write(self._file)
        except OSError as error:
            _log.debug("no heartbeat", why=str(error))  # its age tells

    def _look(self, listed: Snapshot) -> Observed:
        reloader, health, ages = self._reloader, None, None
        if isinstance(reloader, Observes):
            health = self._asked(lambda: reloader.health(listed.endpoints))
        if isinstance(reloader, Lingers):
            ages = self._asked(reloader.lingering)
        return Observed.of(health, ages)

    def _asked(self, question: Callable[[], T]) -> T | None:
        try:
            return question()
        except Exception:  # noqa: BLE001 - foreign code; it must not end the heartbeat
            if not self._broken:
                _log.exception("the reloader plugin cannot tell how its load balancer is")
            self._broken = True
        return None
