"""Crash-only sessions: whatever fails, the session is closed and the next member is asked."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Lock
from types import TracebackType
from typing import Self, TypeVar

import structlog

from lbdisc.backoff import Backoff
from lbdisc.errors import (
    LbdiscError,
    RegistrarError,
    RegistryBusy,
    SettingsError,
    WriteRefused,
)
from lbdisc.stopping import when_set
from lbdisc_etcd.failures import (
    Compacted,
    EtcdRefused,
    Failure,
    LeaseGone,
    NoWrites,
    Recovered,
    RefusedLogin,
    StaleLogin,
    Unconnected,
)
from lbdisc_etcd.patience import Patience
from lbdisc_etcd.settings import EtcdMember, EtcdSettings
from lbdisc_etcd.wire import Session

log = structlog.get_logger("lbdisc.etcd")
T = TypeVar("T")
LASTED = 5.0  # seconds; a session that worked for so long makes earlier failures forgotten
NOTICE = 0.1  # seconds between two looks at whether somebody else needs to be waited for
HERD = (2.0, 30.0)  # seconds that a first and a later login that failed is waited after, at most
TRIES = 3  # sessions in a row that may break soon before a break counts as a failure
# A new session with the same member helps.
RENEWABLE = (StaleLogin, Compacted, LeaseGone, Recovered)


class Cluster:
    """The members, asked in turn. Whom to ask next outlives ``open``.

    ``error`` is what is raised when no member helps; a request may take ``timeout`` seconds, and
    longer while none does. Their order is that of ``name``. ``meanwhile`` is called some times a
    second during a login, which may queue behind those of a fleet.
    """

    def __init__(
        self,
        settings: EtcdSettings,
        *,
        error: type[LbdiscError],
        timeout: float,
        name: str = "",
        meanwhile: Callable[[Session], None] = lambda session: None,
    ) -> None:
        self._settings = settings
        self._error = error
        self._patience = Patience(timeout)
        self._meanwhile = meanwhile
        self._members = settings.members_for(name)
        self._place = 0
        self._pause = Backoff(*HERD, full=True)
        self._login_failed = False
        self._proven_at = 0.0
        self._session: Session | None = None
        self._failures: dict[EtcdMember, Failure] = {}
        self._again = 0

    def proven(self) -> None:
        """The present session did what it is for; more calls change nothing."""
        self._proven_at = self._proven_at or time.monotonic()

    @contextmanager
    def open(self, stop: Event) -> Iterator[None]:
        """Keep a session between calls of ``do``; ``stop`` closes it under whatever runs."""
        self._failures, self._again = {}, 0
        with _Stopper(stop) as self._stopper:
            try:
                yield
            finally:
                self._drop()

    def do(self, work: Callable[[Session], T]) -> T:
        """Do ``work`` with the session there is, after a failure with the next member's.

        Raises ``error`` after every member failed once in a row and when stopped, to a registrar
        ``WriteRefused`` when the cluster takes no writes, and ``SettingsError`` when only an
        operator can help.
        """
        while not self._stopper.stopped:
            member = self._members[self._place % len(self._members)]
            try:
                done = work(self._session or self._begin(member))
            except Failure as failure:
                busy = self._session is not None and self._session.logging_in
                self._login_failed |= busy and not isinstance(failure, Unconnected)
                self._drop()
                if self._stopper.stopped:
                    self._place += 1  # too slow for whoever had to stop it
                    if busy and self._error is RegistrarError:
                        raise RegistryBusy("stopped while its login was under way") from failure
                else:
                    self._failed(member, failure)
            else:
                self.proven()
                return done
        raise self._error("stopped")

    def run(self, work: Callable[[Session], None], stop: Event) -> None:
        """``do`` in an ``open`` of its own; returns when ``work`` is done or ``stop`` is set."""
        try:
            with self.open(stop):
                self.do(work)
        except self._error:
            if not stop.is_set():
                raise

    def _begin(self, member: EtcdMember) -> Session:
        self._proven_at = 0.0
        session = Session(member, self._settings, patience=self._patience)
        self._session = session
        self._stopper.guard(session)
        if self._login_failed:
            self._let_others_go_first(session)
        session.login(lambda: self._meanwhile(session))
        self._login_failed = False
        self._pause.reset()
        return session

    def _let_others_go_first(self, session: Session) -> None:
        until = time.monotonic() + self._pause.next()
        while time.monotonic() < until and not self._stopper.wait(NOTICE):
            self._meanwhile(session)

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None

    def _failed(self, member: EtcdMember, failure: Failure) -> None:
        if self._lasted():
            self._failures.clear()
            self._again = 0
        if self._forgivable(failure) and self._again < TRIES:
            self._again += 1
            self._place += not isinstance(failure, RENEWABLE)
        else:
            self._failures[member] = failure
            self._place += 1
            self._give_up()

    def _lasted(self) -> bool:
        return bool(self._proven_at) and time.monotonic() - self._proven_at > LASTED

    def _forgivable(self, failure: Failure) -> bool:
        """Whether a new session at once is likely to help."""
        if isinstance(failure, NoWrites):
            return False
        return bool(self._proven_at) or isinstance(failure, RENEWABLE)

    def _give_up(self) -> None:
        """Raise when nobody is left to ask, or asking another cannot help."""
        failures = self._failures
        for failure in failures.values():
            if isinstance(failure, NoWrites):
                refused = WriteRefused if self._error is RegistrarError else self._error
                raise refused(str(failure)) from failure
            if isinstance(failure, RefusedLogin):
                raise SettingsError(f"etcd: {failure}") from failure
        if len(failures) < len(self._members):
            return
        self._patience.lost()
        reasons = "; ".join(f"{member}: {failure}" for member, failure in failures.items())
        if all(isinstance(failure, EtcdRefused) for failure in failures.values()):
            raise SettingsError(f"etcd: {reasons}")
        raise self._error(f"no etcd member of etcd.endpoints answers: {reasons}")


class _Stopper:
    """Closes the guarded session as soon as ``stop`` is set, so that no request outlives it."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self._lock = Lock()
        self._session: Session | None = None
        self._open = ExitStack()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for ``seconds``, or until ``stop`` is set: then true."""
        return self._stop.wait(seconds)

    def guard(self, session: Session) -> None:
        with self._lock:
            self._session = session
            if self._stop.is_set():
                session.close()

    def _begin(self) -> None:
        """In a thread of its own: whoever stops us does not wait for a connection's end."""
        threading.Thread(target=self._close, name="lbdisc-etcd-stop", daemon=True).start()

    def _close(self) -> None:
        with self._lock:
            if self._session is not None:
                self._session.close()

    def __enter__(self) -> Self:
        self._open.enter_context(when_set(self._stop, self._begin))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()


def warn_of_plaintext(settings: EtcdSettings) -> None:
    """Say it when the password can be read on the way."""
    exposed = [str(member) for member in settings.members if not member.secure]
    if settings.user and exposed:
        log.warning(
            "etcd.password travels unencrypted: use https:// in etcd.endpoints", endpoints=exposed
        )
