"""The watch thread: a discovery that is called again after every failure, and what it last said."""

import threading
import time
import traceback
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from threading import RLock, Thread

from lbdisc import events
from lbdisc.agent.admission import Admission
from lbdisc.agent.balancing import Balancing, News
from lbdisc.agent.guard import Guard
from lbdisc.agent.lasting import Lasting
from lbdisc.backoff import Backoff
from lbdisc.errors import LbdiscError, SettingsError
from lbdisc.events import Cause
from lbdisc.hooks import Discovery
from lbdisc.leases import Lease
from lbdisc.listening.listeners import Tell
from lbdisc.listening.repeats import Repeats
from lbdisc.screening.screen import Screening
from lbdisc.showing import one_line, shown
from lbdisc.stopping import StopEvent
from lbdisc.values import Snapshot

SAID = 600  # characters of what a plugin's error says
TRACE = 8000  # and of where it was raised


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
    """Runs a discovery in a thread; ``balancing`` is what is made of all that it publishes.

    ``newest`` is what may be balanced now. ``source`` is what the registry is called in a cause;
    ``tell`` may be called from any thread.
    """

    def __init__(
        self,
        discovery: Discovery,
        guard: Guard,
        wake: Callable[[], None],
        *,
        source: str,
        screen: Screening,
        admission: Admission,
        tell: Tell,
        backoff: Backoff,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._discovery = discovery
        self._wake = wake
        self._source = source
        self._tell = tell
        self._lasting = Lasting(backoff)
        self._clock = clock
        self._lock = RLock()
        self.balancing = Balancing(
            guard,
            wake,
            source=source,
            screen=screen,
            admission=admission,
            tell=tell,
            clock=clock,
            lock=self._lock,
        )
        self._stop = StopEvent()
        self._thread = Thread(target=self._run, name="lbdisc-watch", daemon=True)
        self._repeats = Repeats()
        self._cause = Cause(source=source)
        self._listed = 0  # in what was published last
        self.error: LbdiscError | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 1.5) -> bool:
        """Ask the discovery to return; whether it did within ``timeout`` seconds."""
        self._stop.set()
        self.balancing.close()
        if self._thread is not threading.current_thread() and self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def newest(self) -> News | None:
        """The newest judged snapshot; ``None`` before the first."""
        return self.balancing.newest

    @property
    def due(self) -> float | None:
        """When ``look_again`` has something to do, names aside."""
        with self._lock:
            times = (self.balancing.due, self._lasting.due)
        return min((each for each in times if each is not None), default=None)

    def look_again(self) -> None:
        """Do what time brings to what is balanced, and see whether the registry is back.

        The latter may have to last for a while first.
        """
        now = self._clock()
        with self._lock:
            if self._lasting.look(now):
                self._is_back(now)
            self.balancing.look_again(now)

    def _publish(
        self, snapshot: Snapshot, *, revision: str = "", leases: Iterable[Lease] = ()
    ) -> None:
        now = self._clock()
        cause = Cause(source=self._source, revision=revision)
        self.balancing.settle(snapshot)
        with self._lock:
            self.balancing.publish(snapshot, now, cause, leases)
            self._cause, self._listed = cause, len(snapshot)
            if self._lasting.published(now):
                self._is_back(now)
        self._wake()

    def _is_back(self, now: float) -> None:
        lost = self._lasting.lost_at
        ms = None if lost is None else (now - lost) * 1000
        self.error = None
        self._tell(events.RegistryBack(endpoints=self._listed, ms=ms, cause=self._cause))

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._discovery.watch(self._publish, self._stop)
                if not self._stop.is_set():
                    raise LbdiscError("the discovery plugin returned before it was stopped")
            except LbdiscError as error:
                self._failed(error)
            except BaseException as error:  # noqa: BLE001 - foreign code; nobody else would notice
                what = LbdiscError(f"the discovery plugin failed: {_kind(error)}")
                self._failed(what, traceback.format_exc()[-TRACE:])

    def _failed(self, error: LbdiscError, trace: str = "") -> None:
        if self._stop.is_set():
            return
        kind, text = "settings" if isinstance(error, SettingsError) else "registry", _said(error)
        with self._lock:
            delay, failures = self._lasting.failed(self._clock()), self._lasting.failures
            if failures == 1:
                self._repeats.clear()
            times = self._repeats.count(kind, text)
            self.error = error
        self._tell(
            events.RegistryLost(
                kind=kind,
                error=text,
                failures=failures,
                trace=trace,
                retry_s=delay,
                times=times,
                again=times > 1,
                cause=Cause(source=self._source),
            )
        )
        self._wake()
        self._stop.wait(delay)


def _said(error: Exception) -> str:
    """What a plugin's ``error`` says, in one line: it may repeat what a registry holds."""
    return one_line(str(error), SAID)


def _kind(error: BaseException) -> str:
    return f"{type(error).__name__}({', '.join(map(shown, error.args[:2]))})"
