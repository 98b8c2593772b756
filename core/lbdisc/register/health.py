"""Judging an instance by its checks: run in a thread of their own, counted, and supervised."""

import threading
import time
from collections.abc import Callable

import structlog

from lbdisc import events
from lbdisc.errors import LbdiscError
from lbdisc.listening.listeners import Tell
from lbdisc.listening.repeats import Repeats
from lbdisc.register.checks import Check
from lbdisc.values import Endpoint

GRACE = 1.0  # seconds that a check may be late on a busy machine before it counts as silent
_log = structlog.get_logger("lbdisc.register")


class Streak:
    """Healthy after ``rise`` passes in a row, unhealthy after ``fall`` failures and at first."""

    def __init__(self, *, rise: int, fall: int) -> None:
        self.healthy = False
        self._rise = rise
        self._fall = fall
        self._against = 0

    def take(self, passed: bool) -> bool:
        """Count one result; returns whether the verdict changed."""
        if passed == self.healthy:
            self._against = 0
            return False
        self._against += 1
        if self._against < (self._fall if self.healthy else self._rise):
            return False
        self.healthy = passed
        self._against = 0
        return True


class CheckedHealth:
    """Whether the checks pass steadily; what they say is told. For one thread."""

    def __init__(self, *, rise: int, fall: int, tell: Tell) -> None:
        self._streak = Streak(rise=rise, fall=fall)
        self._rise = rise
        self._fall = fall
        self._tell = tell
        self._complaints = Repeats()

    @property
    def healthy(self) -> bool:
        return self._streak.healthy

    def take(self, why: str) -> None:
        """A check found what is wrong, empty when nothing is."""
        changed = self._streak.take(not why)
        if not why:
            self._complaints.clear()
        if changed and self.healthy:
            self._tell(events.CheckPassed(rise=self._rise))
        elif changed:
            self._tell(events.CheckGaveUp(error=why, fall=self._fall))
        elif why:
            times = self._complaints.count("", why)
            failed = events.CheckFailed(error=why, fall=self._fall, times=times, again=times > 1)
            self._tell(failed)


class HealthChecker:
    """Runs ``check`` every ``interval`` seconds and reports what is wrong, empty when nothing is.

    It fails closed: a check that raises, hangs or takes its thread down is a failure. For that,
    somebody has to call ``watch`` now and then. ``stop`` is set by ``stop()``, for a check to see.
    """

    def __init__(
        self,
        check: Check,
        endpoint: Callable[[], Endpoint],
        report: Callable[[str], None],
        *,
        interval: float,
        timeout: float,
        stop: threading.Event | None = None,
    ) -> None:
        self._check = check
        self._endpoint = endpoint
        self._report = report
        self._interval = interval
        self._timeout = timeout
        self._stop = stop or threading.Event()
        self._thread: threading.Thread | None = None
        self._heard = 0.0

    def start(self) -> None:
        self._heard = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="check", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No further check and no further report; returns at once."""
        self._stop.set()

    def join(self) -> None:
        """Wait until the running check is over, not long if that hangs."""
        if self._thread is not None:
            self._thread.join(GRACE)

    def watch(self) -> None:
        """Report a failure when the checks are silent, and start them again if they died."""
        if self._thread is None or self._stop.is_set():
            return
        if not self._thread.is_alive():
            self._report("the checker died")
            self.start()
        elif time.monotonic() - self._heard > self._interval + self._timeout + GRACE:
            self._heard = time.monotonic()
            self._report(f"no result within {self._timeout:g} s")

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            why = self._checked()
            took = time.monotonic() - began
            if not why and took > self._timeout:
                why = f"took {took:.1f} s, more than {self._timeout:g} s"
            self._heard = time.monotonic()
            if not self._stop.is_set():
                self._report(why)
            self._stop.wait(max(0.0, self._interval - took))

    def _checked(self) -> str:
        try:
            return self._check(self._endpoint())
        except LbdiscError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - whatever breaks a check is a failed check
            _log.exception("check broke")
            return f"the check broke: {type(error).__name__}"
