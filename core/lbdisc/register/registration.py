"""The life of a registration: COMMAND, checks and registry, from the start to a clean end.

One thread decides; signals, checks, COMMAND's end and the registry reach it through one queue, as
calls to make. Nothing here waits without listening to all of them.
"""

import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue

from lbdisc import events
from lbdisc.builtin.systemd.notify import Notifier
from lbdisc.errors import LbdiscError, SettingsError
from lbdisc.events import Cause
from lbdisc.hooks import Registrar
from lbdisc.listening.listeners import Listeners
from lbdisc.register import checks
from lbdisc.register.checks import Check
from lbdisc.register.child import Child
from lbdisc.register.draining import Drain, NoDrain
from lbdisc.register.farewell import Farewell
from lbdisc.register.health import CheckedHealth, HealthChecker
from lbdisc.register.holding import End, Holder
from lbdisc.register.identity import Identity
from lbdisc.register.standing import Standing
from lbdisc.settings.tables import AgentSettings, RegisterSettings
from lbdisc.values import Endpoint

LEAVE_LIMIT = 3.0  # seconds for the registry to let go; then the record has to expire by itself
KILL_LIMIT = 5.0  # seconds; only a process stuck in the kernel outlives SIGKILL that long
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
FORWARDED = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCONT)
_TICK = 0.5  # seconds between two looks at the checker


class Registration:
    """Keeps ``endpoint`` registered while its checks pass, around ``child`` if there is one.

    The check is that of ``settings`` unless given; a bad one raises ``SettingsError``.
    """

    def __init__(
        self,
        settings: RegisterSettings,
        *,
        endpoint: Callable[[], Endpoint],
        registrar: Registrar,
        identity: Identity | None = None,
        check: Check | None = None,
        child: Child | None = None,
        drain: Drain | None = None,
        pace: AgentSettings | None = None,
        notifier: Notifier | None = None,
        listeners: Listeners | None = None,
        backend: str = "",
    ) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._registrar = registrar
        self._identity = identity  # ours as long as we live
        self._child = child
        self._pace = pace or AgentSettings()
        self._notifier = notifier or Notifier()
        self._listeners = listeners or Listeners()
        self._tell = self._listeners.tell
        self._cause = Cause(source=backend)
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._health = CheckedHealth(rise=settings.rise, fall=settings.fall, tell=self._tell)
        stop = threading.Event()
        self._checker = HealthChecker(
            check
            or checks.parse(
                settings.check,
                timeout=settings.timeout,
                stop=stop,
                passed=settings.pass_environment,
            ),
            endpoint,
            lambda why: self._calls.put(partial(self._on_checked, why)),
            interval=settings.interval,
            timeout=settings.timeout,
            stop=stop,
        )
        self._holder: Holder | None = None
        self._standing = Standing(endpoint, self._tell, self._cause)
        self._fatal: SettingsError | None = None
        self._closing = False
        self._stops: list[int] = []
        self._hurry = threading.Event()
        self._child_told = False
        self._ended: int | None = None  # COMMAND's exit code
        self._farewell = Farewell(
            self._standing,
            drain or NoDrain(),
            timeout=settings.drain_timeout,
            hurry=self._hurry,
            must_go=self._must_go,
            over=lambda: self._holder is None or self._fatal is not None,
            listen=self._listen,
            tell=self._tell,
            cause=self._cause,
        )

    def signal(self, number: int) -> None:
        """Take a signal; may be called from a signal handler or another thread."""
        self._calls.put(partial(self._on_signal, number))

    def start(self) -> None:
        """Start COMMAND, if there is one. Raises ``CommandError``."""
        if self._child is not None:
            self._child.start(lambda code: self._calls.put(partial(self._on_ended, code)))

    def run(self) -> int:
        """Serve until a stop signal or COMMAND's end; returns the exit code.

        To be called after ``start``. Raises ``SettingsError`` when only an operator can help the
        registry, which never had the entry, and no COMMAND depends on us.
        """
        if self._child is not None:
            self._tell(events.CommandStarted(pid=self._child.pid))
        try:
            self._checker.start()
            self._listen(self._over, checking=True)
            self._close()
            self._finish_traffic()
        finally:
            self._close()
            self._leave()
            code = self._end_child()
            self._checker.join()
        if self._fatal is not None:
            raise self._fatal
        return code

    def _close(self) -> None:
        """From here on it goes towards the end: no check and no registration any more."""
        if not self._closing:
            self._closing = True
            self._checker.stop()
            if not self._stops:
                why = "COMMAND ended" if self._ended is not None else str(self._fatal or "")
                self._tell(events.ProgramStopping(program="register", why=why))

    def _over(self) -> bool:
        return bool(self._stops) or self._ended is not None or self._fatal is not None

    def _listen(
        self, done: Callable[[], bool], *, limit: float | None = None, checking: bool = False
    ) -> bool:
        """Take calls until ``done`` or for ``limit`` seconds; returns whether it is done."""
        end = None if limit is None else time.monotonic() + limit
        while not done():
            left = _TICK if end is None else min(_TICK, end - time.monotonic())
            if left <= 0:
                return False
            with suppress(Empty):
                self._calls.get(timeout=left)()
            if checking:
                self._checker.watch()
            self._listeners.look()
            if self._notifier.watchdog:
                self._notifier.send("WATCHDOG=1")
        return True

    def _on_signal(self, number: int) -> None:
        if number in STOPPING or (number == signal.SIGHUP and self._child is None):
            if self._stops:
                self._hurry.set()
            if self._child_told and self._child is not None:
                self._child.send(number)
            self._stops.append(number)
            why, hurry = signal.Signals(number).name, self._hurry.is_set()
            self._tell(events.ProgramStopping(program="register", why=why, hurry=hurry))
        elif self._child is not None:
            self._child.send(number)

    def _on_ended(self, code: int) -> None:
        self._ended = code
        self._tell(events.CommandEnded(exit_code=code, asked=bool(self._stops)))

    def _on_checked(self, why: str) -> None:
        if self._closing:
            return
        self._health.take(why)
        self._steer()

    def _steer(self) -> None:
        """Hold the endpoint while healthy; one holder at a time."""
        wanted = self._health.healthy and not self._closing
        if self._holder is None and wanted:
            self._standing.answered = False
            self._holder = Holder(
                self._registrar, self._endpoint, self, self._pace, renewed=self.renewed
            )
            self._holder.start()
        elif self._holder is not None and not wanted:
            self._holder.leave()

    def published(self, endpoint: Endpoint) -> None:
        self._calls.put(partial(self._standing.took, endpoint))

    def renewed(self, endpoint: Endpoint, times: int) -> None:
        self._calls.put(partial(self._standing.renewed, endpoint, times))

    def kept(self, endpoint: Endpoint) -> None:
        self._calls.put(partial(self._standing.kept, endpoint))

    def refused(self, error: LbdiscError, *, held: bool) -> None:
        self._calls.put(partial(self._on_refused, error, held=held))

    def waiting(self, rival: str) -> None:
        self._calls.put(partial(self._standing.waits, rival))

    def left(self, end: End) -> None:
        self._calls.put(partial(self._on_left, end))

    def _on_refused(self, error: LbdiscError, *, held: bool) -> None:
        self._standing.refused(error)
        # What was good before is made good: a password is changed here later than in the registry.
        known = self._standing.ever
        if isinstance(error, SettingsError) and self._child is None and not known:
            self._fatal = error
            return
        self._standing.complain(error, held=held)

    def _on_left(self, end: End) -> None:
        assert self._holder is not None
        self._holder.join(_TICK)
        self._standing.left(end)
        self._holder = None
        self._steer()

    def _finish_traffic(self) -> None:
        if self._holder is not None and self._health.healthy and self._settings.drain_timeout:
            self._farewell.finish_traffic(self._holder)

    def _must_go(self) -> bool:
        return self._hurry.is_set() or self._ended is not None

    def _leave(self) -> None:
        if self._holder is None:
            return
        self._holder.leave()
        if not self._listen(lambda: self._holder is None, limit=LEAVE_LIMIT):
            error = f"the registry did not let go in {LEAVE_LIMIT:g} s"
            stays = events.EntryStays(endpoint=self._endpoint(), error=error, cause=self._cause)
            self._tell(stays)

    def _end_child(self) -> int:
        child = self._child
        if child is None:
            return 0
        if self._ended is None:
            child.send(self._stops[0] if self._stops else signal.SIGTERM)
            self._child_told = True
            if not self._listen(lambda: self._ended is not None, limit=self._settings.stop_timeout):
                killed = events.CommandKilled(stop_timeout_s=self._settings.stop_timeout)
                self._tell(killed)
                child.kill()
                self._listen(lambda: self._ended is not None, limit=KILL_LIMIT)
        child.clear(self._settings.stop_timeout)
        return self._ended or 0
