"""The watch thread: a discovery that is called again after every failure, and what it last said."""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Any

import structlog

from lbdisc.backoff import Backoff
from lbdisc.errors import LbdiscError, SettingsError
from lbdisc.guard import Guard, Verdict
from lbdisc.hooks import Discovery
from lbdisc.values import Endpoint, Snapshot

log = structlog.get_logger("lbdisc.watch")


class Wake:
    """Wakes the agent's loop from threads and from signal handlers."""

    def __init__(self) -> None:
        # SimpleQueue.put is reentrant, so a signal handler may call it at any moment.
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._errands: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def ask(self, errand: Callable[[], None]) -> None:
        """Have ``errand`` done by the loop itself."""
        self._errands.put(errand)
        self.call()

    def do_errands(self) -> None:
        """Do what was asked for."""
        while not self._errands.empty():
            self._errands.get()()

    def call(self) -> None:
        self._tokens.put(None)

    def wait(self, timeout: float) -> None:
        """Return after a call, or after ``timeout`` seconds."""
        try:
            self._tokens.get(timeout=max(timeout, 0))
            while True:
                self._tokens.get_nowait()
        except Empty:
            pass


class Watcher:
    """Runs a discovery in a thread; ``newest`` is what may be balanced now, judged by the guard."""

    def __init__(
        self,
        discovery: Discovery,
        guard: Guard,
        wake: Callable[[], None],
        *,
        backoff: Backoff,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._discovery = discovery
        self._guard = guard
        self._wake = wake
        self._backoff = backoff
        self._clock = clock
        self._lock = Lock()
        self._stop = Event()
        self._newest: Snapshot | None = None
        self._arrived = 0.0
        self._thread = Thread(target=self._run, name="lbdisc-watch", daemon=True)
        self.error: LbdiscError | None = None
        self.failures = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 1.5) -> bool:
        """Ask the discovery to return; whether it did within ``timeout`` seconds."""
        self._stop.set()
        if self._thread is not threading.current_thread() and self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def newest(self) -> tuple[Snapshot, float] | None:
        """The newest judged snapshot and when it arrived; ``None`` before the first."""
        with self._lock:
            return None if self._newest is None else (self._newest, self._arrived)

    @property
    def held(self) -> tuple[Endpoint, ...]:
        with self._lock:
            return self._guard.held

    @property
    def due(self) -> float | None:
        with self._lock:
            return self._guard.due

    def view(self) -> dict[str, Any]:
        """How the registry is, for ``lbdisc status``."""
        error = self.error
        return {
            "registry": "lost" if error else ("waiting" if self.newest is None else "ok"),
            "registry_error": str(error) if error else None,
            "registry_failures": self.failures,
            "held": [str(endpoint) for endpoint in self.held],
        }

    def look_again(self) -> None:
        """Let the guard release what it has held long enough."""
        now = self._clock()
        with self._lock:
            if self._guard.due is not None and self._guard.due <= now:
                self._take(self._guard.wait(now), now)

    def _publish(self, snapshot: Snapshot) -> None:
        now = self._clock()
        with self._lock:
            self._take(self._guard.judge(snapshot.public, now), now)
        if self.error is not None:
            log.info("the registry answers again", endpoints=len(snapshot))
        self.error = None
        self._backoff.reset()
        self._wake()

    def _take(self, verdict: Verdict, now: float) -> None:
        for endpoint in verdict.held:
            log.warning("guard: lost with many others, stays listed", endpoint=str(endpoint))
        for endpoint in verdict.released:
            log.warning("guard: did not come back, goes", endpoint=str(endpoint))
        if self._newest is None or verdict.snapshot != self._newest:
            self._arrived = now
        self._newest = verdict.snapshot

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._discovery.watch(self._publish, self._stop)
                if not self._stop.is_set():
                    raise LbdiscError("the discovery plugin returned before it was stopped")
            except LbdiscError as error:
                self._failed(error)
            except Exception as error:
                log.exception("the discovery plugin failed")
                self._failed(LbdiscError(f"the discovery plugin failed: {error!r}"))

    def _failed(self, error: LbdiscError) -> None:
        if self._stop.is_set():
            return
        delay = self._backoff.next()
        self.failures += 1
        if str(error) != str(self.error):
            kind = "settings" if isinstance(error, SettingsError) else "registry"
            log.error(f"{kind}: {error}", retry_s=round(delay, 1), kept="the last known state")
        self.error = error
        self._wake()
        self._stop.wait(delay)
