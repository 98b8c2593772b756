"""Crash-only sessions: whatever fails, the session is closed and the next member is asked."""

import threading
import time
from collections.abc import Callable
from threading import Event, Lock
from types import TracebackType
from typing import Self

import structlog

from lbdisc.errors import LbdiscError, SettingsError
from lbdisc_etcd.failures import Compacted, Failure, LeaseGone, Refused, RefusedLogin, StaleLogin
from lbdisc_etcd.settings import EtcdSettings, Member
from lbdisc_etcd.wire import Session

log = structlog.get_logger("lbdisc.etcd")
Work = Callable[[Session], None]
LASTED = 5.0  # seconds; a session that worked for so long makes earlier failures forgotten
NOTICE = 0.1  # seconds until the thread that waits for stop sees that nobody needs it
TRIES = 3  # sessions in a row that may break soon before a break counts as a failure
RENEWABLE = (StaleLogin, Compacted, LeaseGone)  # a new session with the same member helps


class Cluster:
    """The members, asked in turn."""

    def __init__(self, settings: EtcdSettings) -> None:
        self._settings = settings
        self._members = settings.members
        self._place = 0
        self._proven_at = 0.0

    def proven(self) -> None:
        """The present session did what it is for; more calls change nothing."""
        self._proven_at = self._proven_at or time.monotonic()

    def run(self, work: Work, stop: Event, *, error: type[LbdiscError], timeout: float) -> None:
        """Do ``work`` with a member, after a failure with the next, until it returns or ``stop``.

        Raises ``error`` after every member failed once in a row, ``SettingsError`` when only an
        operator can help. ``stop`` closes the session under ``work``.
        """
        failures: dict[Member, Failure] = {}
        again = 0
        with _Stopper(stop) as stopper:
            while not stop.is_set():
                member = self._members[self._place % len(self._members)]
                self._proven_at = 0.0
                try:
                    self._with_session(member, work, stopper, timeout)
                    return
                except Failure as failure:
                    if stop.is_set():
                        return
                    if self._lasted():
                        failures.clear()
                        again = 0
                    if self._forgivable(failure) and again < TRIES:
                        again += 1
                        self._place += not isinstance(failure, RENEWABLE)
                    else:
                        failures[member] = failure
                        self._place += 1
                        self._give_up(failures, error)

    def _with_session(
        self, member: Member, work: Work, stopper: "_Stopper", timeout: float
    ) -> None:
        with Session(member, self._settings, timeout=timeout) as session:
            stopper.guard(session)
            session.login()
            work(session)

    def _lasted(self) -> bool:
        return bool(self._proven_at) and time.monotonic() - self._proven_at > LASTED

    def _forgivable(self, failure: Failure) -> bool:
        """Whether a new session at once is likely to help."""
        return bool(self._proven_at) or isinstance(failure, RENEWABLE)

    def _give_up(self, failures: dict[Member, Failure], error: type[LbdiscError]) -> None:
        """Raise when nobody is left to ask, or asking another cannot help."""
        for failure in failures.values():
            if isinstance(failure, RefusedLogin):
                raise SettingsError(f"etcd: {failure}") from failure
        if len(failures) < len(self._members):
            return
        reasons = "; ".join(f"{member}: {failure}" for member, failure in failures.items())
        if all(isinstance(failure, Refused) for failure in failures.values()):
            raise SettingsError(f"etcd: {reasons}")
        raise error(f"no etcd member of etcd.endpoints answers: {reasons}")


class _Stopper:
    """Closes the guarded session as soon as ``stop`` is set, so that no request outlives it."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self._ended = False
        self._lock = Lock()
        self._session: Session | None = None
        self._thread = threading.Thread(target=self._wait, name="lbdisc-etcd-stop", daemon=True)

    def guard(self, session: Session) -> None:
        with self._lock:
            self._session = session
            if self._stop.is_set():
                session.close()

    def _wait(self) -> None:
        while not self._stop.wait(NOTICE):
            if self._ended:
                return
        with self._lock:
            if self._session is not None:
                self._session.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended = True
        self._thread.join()


def warn_of_plaintext(settings: EtcdSettings) -> None:
    """Say it when the password can be read on the way."""
    exposed = [str(member) for member in settings.members if not member.secure]
    if settings.user and exposed:
        log.warning(
            "etcd.password travels unencrypted: use https:// in etcd.endpoints", endpoints=exposed
        )
