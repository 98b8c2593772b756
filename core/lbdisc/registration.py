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

import structlog

from lbdisc import checks
from lbdisc.checks import Check
from lbdisc.child import Child
from lbdisc.draining import Drain, NoDrain
from lbdisc.errors import LbdiscError, SettingsError, WriteRefused
from lbdisc.health import Checker, Verdict
from lbdisc.holding import End, Holder
from lbdisc.hooks import Registrar
from lbdisc.notify import Notifier
from lbdisc.settings import AgentSettings, RegisterSettings
from lbdisc.values import Endpoint

LEAVE_LIMIT = 3.0  # seconds for the registry to let go; then the record has to expire by itself
KILL_LIMIT = 5.0  # seconds; only a process stuck in the kernel outlives SIGKILL that long
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
FORWARDED = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCONT)
_TICK = 0.5  # seconds between two looks at the checker
_log = structlog.get_logger("lbdisc.register")


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
        check: Check | None = None,
        child: Child | None = None,
        drain: Drain | None = None,
        pace: AgentSettings | None = None,
        notifier: Notifier | None = None,
        backend: str = "",
    ) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._registrar = registrar
        self._child = child
        self._drain = drain or NoDrain()
        self._pace = pace or AgentSettings()
        self._notifier = notifier or Notifier()
        self._backend = backend
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._verdict = Verdict(rise=settings.rise, fall=settings.fall)
        stop = threading.Event()
        self._checker = Checker(
            check or checks.parse(settings.check, timeout=settings.timeout, stop=stop),
            endpoint,
            lambda why: self._calls.put(partial(self._on_checked, why)),
            interval=settings.interval,
            timeout=settings.timeout,
            stop=stop,
        )
        self._holder: Holder | None = None
        self._published: Endpoint | None = None  # what the registry holds
        self._why = ""  # the last check's complaint
        self._listed = False  # whether the registry had it, and may still have it
        self._trouble = ""  # the registry's last complaint
        self._hopeless = False  # whether an operator has to mend it
        self._fatal: SettingsError | None = None
        self._closing = False
        self._stops: list[int] = []
        self._hurry = threading.Event()
        self._child_told = False
        self._ended: int | None = None  # COMMAND's exit code

    def signal(self, number: int) -> None:
        """Take a signal; may be called from a signal handler or another thread."""
        self._calls.put(partial(self._on_signal, number))

    def run(self) -> int:
        """Serve until a stop signal or COMMAND's end; returns the exit code.

        Raises ``CommandError`` when COMMAND cannot be started, and ``SettingsError`` when only an
        operator can help the registry and no COMMAND depends on us.
        """
        if self._child is not None:
            self._child.start(lambda code: self._calls.put(partial(self._on_ended, code)))
            _log.info("command started", pid=self._child.pid)
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
            self._notifier.send("STOPPING=1")

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
            _log.info("stopping", signal=signal.Signals(number).name, hurry=self._hurry.is_set())
        elif self._child is not None:
            self._child.send(number)

    def _on_ended(self, code: int) -> None:
        self._ended = code
        (_log.info if self._stops else _log.warning)("command ended", exit_code=code)

    def _on_checked(self, why: str) -> None:
        if self._closing:
            return
        changed = self._verdict.take(not why)
        if changed and self._verdict.healthy:
            _log.info("check passed", rise=self._settings.rise)
        elif changed:
            _log.warning("check failed, leaving", why=why, fall=self._settings.fall)
        elif why and why != self._why:
            _log.warning("check failed", why=why)
        self._why = why
        self._steer()

    def _steer(self) -> None:
        """Hold the endpoint while healthy; one holder at a time."""
        wanted = self._verdict.healthy and not self._closing
        if self._holder is None and wanted:
            self._holder = Holder(self._registrar, self._endpoint, self, self._pace)
            self._holder.start()
        elif self._holder is not None and not wanted:
            self._holder.leave()

    def published(self, endpoint: Endpoint) -> None:
        self._calls.put(partial(self._on_published, endpoint))

    def refused(self, error: LbdiscError) -> None:
        self._calls.put(partial(self._on_refused, error))

    def waiting(self, rival: str) -> None:
        self._calls.put(partial(self._on_waiting, rival))

    def left(self, end: End) -> None:
        self._calls.put(partial(self._on_left, end))

    def _on_published(self, endpoint: Endpoint) -> None:
        _log.info(
            "draining" if endpoint.draining else "registered",
            service=endpoint.service,
            name=endpoint.name,
            address=endpoint.address,
            port=endpoint.port,
            backend=self._backend,
        )
        self._published = endpoint
        self._listed = True
        self._trouble = ""
        self._notifier.send("READY=1", f"STATUS=registered as {endpoint}")

    def _on_waiting(self, rival: str) -> None:
        self._published, self._listed, self._trouble = None, False, ""
        service, name = self._endpoint().key
        _log.warning(
            "another holds this name: waiting",
            service=service,
            name=name,
            rival=rival or None,
            backend=self._backend,
        )
        self._notifier.send("READY=1", "STATUS=another holds this name: waiting")

    def _on_refused(self, error: LbdiscError) -> None:
        self._published = None
        # Neither lets the draining state through in time: an operator has to come first.
        self._hopeless = isinstance(error, SettingsError | WriteRefused)
        if isinstance(error, SettingsError) and self._child is None:
            self._fatal = error
            return
        if str(error) != self._trouble:
            self._trouble = str(error)
            _log.error("not registered, trying again", why=str(error), backend=self._backend)
        # A registry that is down must not make the service manager stop a healthy COMMAND.
        self._notifier.send("READY=1", f"STATUS=not registered: {error}")

    def _on_left(self, end: End) -> None:
        assert self._holder is not None
        self._holder.join(_TICK)
        service, name = self._endpoint().key
        if end.error is not None:
            _log.warning(
                "not left cleanly: the entry has to expire",
                service=service,
                name=name,
                why=str(end.error),
                within_s=end.expires_s,
            )
        elif end.held:
            _log.info("left", service=service, name=name)
        self._holder = self._published = None
        self._listed = False
        self._steer()

    def _finish_traffic(self) -> None:
        """Say that the endpoint is draining, and wait for those who want to be waited for.

        A registry that is away may be back in time; only then the load balancers can be told.
        """
        whole = self._settings.drain_timeout
        if self._holder is None or not self._verdict.healthy or not whole or not self._listed:
            return
        end = time.monotonic() + whole
        self._holder.drain()
        if self._trouble and not self._is_futile():
            _log.warning("waiting for the registry, to drain first", why=self._trouble)
        if not self._listen(lambda: self._is_draining() or self._is_futile(), limit=whole):
            _log.warning("the registry did not take the draining state in time", limit=whole)
        elif not self._must_go() and self._published is not None:
            self._wait_for_drain(self._published, end)

    def _wait_for_drain(self, endpoint: Endpoint, end: float) -> None:
        arguments = (endpoint, end, self._hurry)
        waiter = threading.Thread(target=self._drain.wait, args=arguments, daemon=True)
        waiter.start()
        limit = end - time.monotonic()
        if not self._listen(lambda: not waiter.is_alive() or self._must_go(), limit=limit):
            _log.warning("drain_timeout is over", drain_timeout=self._settings.drain_timeout)

    def _is_draining(self) -> bool:
        return self._published is not None and self._published.draining

    def _is_futile(self) -> bool:
        """Whether the draining state need not be published any more, or cannot be."""
        if self._must_go() or self._holder is None or self._fatal is not None:
            return True
        return not self._listed or (bool(self._trouble) and self._hopeless)

    def _must_go(self) -> bool:
        return self._hurry.is_set() or self._ended is not None

    def _leave(self) -> None:
        if self._holder is None:
            return
        self._holder.leave()
        if not self._listen(lambda: self._holder is None, limit=LEAVE_LIMIT):
            _log.warning("the registry did not let go in time; the entry will expire")

    def _end_child(self) -> int:
        child = self._child
        if child is None:
            return 0
        if self._ended is None:
            child.send(self._stops[0] if self._stops else signal.SIGTERM)
            self._child_told = True
            if not self._listen(lambda: self._ended is not None, limit=self._settings.stop_timeout):
                _log.warning("command killed", stop_timeout=self._settings.stop_timeout)
                child.kill()
                self._listen(lambda: self._ended is not None, limit=KILL_LIMIT)
        child.clear(self._settings.stop_timeout)
        return self._ended or 0
