"""The watch thread: a discovery that is called again after every failure, and what it last said."""

import threading
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import NamedTuple

from lbdisc import events
from lbdisc.agent.admission import Admission
from lbdisc.agent.announcing import judged
from lbdisc.agent.guard import Guard, Released, Verdict
from lbdisc.agent.held import GuardMemory, Held
from lbdisc.agent.lasting import Lasting
from lbdisc.backoff import Backoff
from lbdisc.errors import LbdiscError, SettingsError
from lbdisc.events import Cause
from lbdisc.hooks import Discovery
from lbdisc.listening.listeners import Tell
from lbdisc.listening.repeats import Repeats
from lbdisc.observed import ServerHealth
from lbdisc.screening.screen import Screening
from lbdisc.showing import plain, shown
from lbdisc.stopping import StopEvent
from lbdisc.values import Endpoint, Snapshot

SAID = 600  # characters of what a plugin's error says
TRACE = 8000  # and of where it was raised


class News(NamedTuple):
    """What may be balanced, when it came, and what made it so; ``apart`` as in ``Verdict``."""

    snapshot: Snapshot
    arrived: float
    cause: Cause
    apart: tuple[Endpoint, ...] = ()


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
    """Runs a discovery in a thread; ``newest`` is what may be balanced now, judged by the guard.

    The guard sees only what passes the ``screen`` and the ``admission``. ``source`` is what the
    registry is called in a cause; ``tell`` may be called from any thread.
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
        self._guard = guard
        self._wake = wake
        self._source = source
        self._screen = screen
        self._admission = admission
        self._tell = tell
        self._lasting = Lasting(backoff)
        self._clock = clock
        self._lock = Lock()
        self._stop = StopEvent()
        self._newest: News | None = None
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
        self._screen.hosts.close()
        if self._thread is not threading.current_thread() and self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def newest(self) -> News | None:
        """The newest judged snapshot; ``None`` before the first."""
        with self._lock:
            return self._newest

    @property
    def due(self) -> float | None:
        with self._lock:
            times = (self._guard.due, self._admission.due, self._lasting.due)
        return min((each for each in times if each is not None), default=None)

    @property
    def held(self) -> tuple[Held, ...]:
        """What is listed although the registry does not have it (so)."""
        with self._lock:
            return self._guard.held

    @property
    def memory(self) -> GuardMemory:
        """What the guard of the next watcher has to know."""
        with self._lock:
            return self._guard.memory

    @property
    def watched(self) -> tuple[Endpoint, ...]:
        """Those whose health the guard wants to hear of."""
        with self._lock:
            return self._guard.watched

    def admitted(self, known: Snapshot) -> Snapshot:
        """What of that which is ``known`` from before may be served."""
        with self._lock:
            return self._screen.once(known)

    @property
    def names(self) -> frozenset[str]:
        """The host names of all that is listed."""
        with self._lock:
            return self._screen.names

    def saw(self, host: str, addresses: Collection[str]) -> None:
        """The load balancer has these ``addresses`` for ``host``."""
        self._screen.hosts.saw(host, addresses)

    def occupy(self, places: Collection[tuple[str, int]]) -> bool:
        """The load balancer listens at ``places``; whether any of them was not known."""
        now = self._clock()
        with self._lock:
            new = self._screen.occupy(places)
            if new and (passed := self._screen.again()) is not None:
                self._judge(self._admission.take(passed, now), now, Cause(source="configuration"))
        if new:
            self._wake()
        return new

    def see(self, health: Sequence[ServerHealth], asked: float) -> None:
        """The load balancer was asked at that time, and said this of those ``watched``."""
        with self._lock:
            self._take(self._guard.see(health, asked), self._clock(), Cause(source="health"))

    def hold(self, service: str, name: str) -> tuple[Endpoint, ...]:
        """An operator holds what is balanced; an empty text stands for all. Who that is."""
        with self._lock:
            verdict, found = self._guard.hold(service, name, self._clock())
            self._take(verdict, self._clock(), Cause(source="operator"))
        return found

    def release(self, service: str, name: str) -> tuple[Endpoint, ...]:
        """An operator lets go of what is held. Who that is."""
        with self._lock:
            verdict, found = self._guard.release(service, name, self._clock())
            self._take(verdict, self._clock(), Cause(source="operator"))
        return found

    def tell_held(self) -> None:
        """Say what is held from before."""
        self._tell_verdict(Verdict(Snapshot(), held=self.held), Cause(source="state"))

    def tell_dropped(self, before: Sequence[Held]) -> None:
        """Say who was held by the watcher ``before``, and is not balanced any more."""
        here = {held.endpoint.key for held in self.held}
        gone = [h.endpoint for h in before if h.endpoint.key not in here]
        dropped = tuple(
            Released("its service is not balanced any more", endpoint) for endpoint in gone
        )
        self._tell_verdict(Verdict(Snapshot(), released=dropped), Cause(source="settings"))

    def look_again(self) -> None:
        """Take in what is known of names, and let those go or change whose time has come.

        Also see whether the registry is back: it may have to last for a while first.
        """
        now = self._clock()
        with self._lock:
            if self._lasting.look(now):
                self._is_back(now)
            if (passed := self._screen.again()) is not None:
                self._judge(self._admission.take(passed, now), now, Cause(source="names"))
            if self._admission.due is not None and self._admission.due <= now:
                self._judge(self._admission.wait(now), now, Cause(source="damping"))
            if self._guard.due is not None and self._guard.due <= now:
                self._take(self._guard.wait(now), now, Cause(source="guard"))

    def reloaded(self, because_of: Sequence[Endpoint]) -> None:
        """The load balancer had to be reloaded because these came or changed."""
        with self._lock:
            self._admission.reloaded(because_of, self._clock())

    def _publish(self, snapshot: Snapshot, *, revision: str = "") -> None:
        now = self._clock()
        cause = Cause(source=self._source, revision=revision)
        if self._newest is None:
            self._screen.settle(snapshot.public)
        with self._lock:
            passed = self._screen.after(snapshot.public)
            self._judge(self._admission.take(passed, now), now, cause)
            self._cause, self._listed = cause, len(snapshot)
            if self._lasting.published(now):
                self._is_back(now)
        self._wake()

    def _is_back(self, now: float) -> None:
        lost = self._lasting.lost_at
        ms = None if lost is None else (now - lost) * 1000
        self.error = None
        self._tell(events.RegistryBack(endpoints=self._listed, ms=ms, cause=self._cause))

    def _judge(self, admitted: Snapshot, now: float, cause: Cause) -> None:
        self._take(self._guard.judge(admitted, now), now, cause)
        for event in self._admission.news(now):
            self._tell(event)

    def _take(self, verdict: Verdict, now: float, cause: Cause) -> None:
        self._tell_verdict(verdict, cause)
        if (
            self._newest is None
            and cause.source != self._source
            and not (verdict.held or verdict.released)
        ):
            return  # nothing is known of the registry yet, and nothing has changed
        last = self._newest
        if last is not None and verdict.snapshot == last.snapshot:
            now, cause = last.arrived, last.cause
        self._newest = News(verdict.snapshot, now, cause, verdict.apart)

    def _tell_verdict(self, verdict: Verdict, cause: Cause) -> None:
        for event in judged(verdict, self._clock(), cause=cause):
            self._tell(event)

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
    return plain(" ".join(str(error).split()), SAID)


def _kind(error: BaseException) -> str:
    return f"{type(error).__name__}({', '.join(map(shown, error.args[:2]))})"
