"""A connection to one member with gRPC: options, login, and what went wrong in our types.

Of etcd3 it uses the channel, the stubs and the messages. The library's login is not used: its call
credentials are refused on plaintext channels.
"""

import importlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import grpc

from lbdisc.secret_files import current
from lbdisc_etcd import answers, stubs
from lbdisc_etcd.failures import Failure, MemberUnreachable, NoLogins, StaleLogin, sorted_failure
from lbdisc_etcd.logins import LOOK, login_of
from lbdisc_etcd.patience import Patience
from lbdisc_etcd.settings import EtcdMember, EtcdSettings
from lbdisc_etcd.tls import files_of, trusted

etcd3: Any = stubs.imported()
rpc: Any = etcd3.etcdrpc
T = TypeVar("T")

CALM = 2.0  # seconds
LARGEST = 8 * 1024 * 1024  # bytes of an answer; gRPC refuses what is larger by its first bytes
_OPTIONS = (
    # Servers refuse clients that ping more often than every 5 s.
    ("grpc.keepalive_time_ms", 6000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.max_receive_message_length", LARGEST),
    # Sessions share no connection, and a proxy for the web is none for the registry.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)
# In which seconds are given that a member has: a frozen peer is found within 9 s, where it has the
# usual three. gRPC honours only ping_timeout for it.
_WAITING = (
    "grpc.keepalive_timeout_ms",
    "grpc.http2.ping_timeout_ms",
    "grpc.min_reconnect_backoff_ms",  # for one attempt to connect
)
# A member that lost its leader answers "no leader" instead of staying silent.
_HAS_LEADER = ("hasleader", "true")


def _wait_calmly() -> None:
    """Let threads that wait for news look up once in ``CALM``; gRPC has them ten times a second.

    That is for signals in the main thread on a Python whose waits could not be interrupted
    (grpc/_common.py, ``wait``); news itself comes at once either way.
    """
    common: Any = importlib.import_module("grpc._common")
    if hasattr(common, "MAXIMUM_WAIT_TIMEOUT"):
        common.MAXIMUM_WAIT_TIMEOUT = CALM


class Channel:
    """Carries requests to ``member``; all raise a ``Failure``. ``close`` may come from any thread.

    Making one reads the certificates; ``login``, ``patience`` and ``logging_in`` as of ``Session``.
    """

    def __init__(self, member: EtcdMember, settings: EtcdSettings, *, patience: Patience) -> None:
        _wait_calmly()
        logging.getLogger("grpc").setLevel(logging.CRITICAL)  # it logs tracebacks of what it raises
        self._member = member
        self._settings = settings
        self._patience = patience
        self._metadata: tuple[tuple[str, str], ...] = (_HAS_LEADER,)
        self._token = ""
        self._closed = threading.Event()
        self.logging_in = False
        self._files = files_of(settings) if member.secure else None
        ms = int(1000 * patience.connecting)
        with trusted(settings, secure=member.secure) as files:
            self._client = etcd3.Etcd3Client(
                host=member.literal_host,
                port=member.port,
                grpc_options=(*_OPTIONS, *((key, ms) for key in _WAITING)),
                **files,
            )

    def login(self, meanwhile: Callable[[], None]) -> None:
        """Get a token, if there is a user."""
        if not self._settings.user or self._settings.password is None:
            return

        def wait() -> None:
            if self._closed.is_set():
                raise MemberUnreachable("closed")
            meanwhile()

        self.logging_in, began = True, time.monotonic()
        self._token = login_of(self._settings).token(
            lambda: self._authenticate(wait), meanwhile=wait
        )
        self.logging_in = False
        self._patience.logged_in(time.monotonic() - began)
        if self._token:
            self._metadata = (("token", self._token), _HAS_LEADER)

    def _authenticate(self, wait: Callable[[], None]) -> str:
        """A new token, empty where the cluster knows no logins."""
        settings = self._settings
        assert settings.password is not None
        request = rpc.AuthenticateRequest(name=settings.user, password=current(settings.password))
        try:
            with self.mapped():
                stub = rpc.AuthStub(self._client.channel)
                call = stub.Authenticate.future(
                    request, settings.login_timeout, metadata=self._metadata
                )
                return answers.token(_result(call, wait))
        except NoLogins:
            return ""

    @property
    def kv(self) -> Any:
        """The stub for keys and values."""
        return self._client.kvstub

    @property
    def leases(self) -> Any:
        """The stub for leases."""
        return self._client.leasestub

    def call(self, method: Callable[..., T], request: Any, right: str = "") -> T:
        """What ``method`` answers to ``request``, which needs the ``right``."""
        if self._files is not None:
            self._files.look()
        with self.mapped(right), self._timed():
            return method(request, self._patience.request, metadata=self._metadata)

    def watch(self, requests: Iterator[Any], limit: float | None) -> Any:
        """A stream of answers to ``requests`` for up to ``limit`` seconds; they are not mapped."""
        stub = rpc.WatchStub(self._client.channel)
        return stub.Watch(requests, limit, metadata=self._metadata)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """What is done within has an answer; one beside a login says nothing of that."""
        began, beside = time.monotonic(), self.logging_in
        yield
        if not beside:
            self._patience.answered(time.monotonic() - began)

    @contextmanager
    def mapped(self, right: str = "") -> Iterator[None]:
        """What gRPC raises within becomes a ``Failure``; ``right`` is what was needed."""
        try:
            yield
        except grpc.RpcError as error:
            raise self._of(error, right) from error
        except ValueError as error:  # what gRPC says about a channel closed by another thread
            raise MemberUnreachable("closed") from error

    def _of(self, error: Any, right: str) -> Failure:
        return self.failure(error.code().name, error.details() or "", right)

    def failure(self, code: str, details: str, right: str) -> Failure:
        """What etcd said, as our type; a login that it refuses is forgotten."""
        user, secure = self._settings.user, self._member.secure
        failure = sorted_failure(
            code,
            details,
            user=user,
            secure=secure,
            certified=self._settings.cert_file is not None,
            flaw=self._files.flaw if self._files else "",
            right=right,
        )
        if isinstance(failure, StaleLogin):
            login_of(self._settings).forget(self._token)
        return failure

    def wait(self, seconds: float) -> None:
        """Raises a ``Failure`` when the session is closed meanwhile."""
        if self._closed.wait(max(0.0, seconds)):
            raise MemberUnreachable("closed")

    def close(self) -> None:
        """End every request in flight and the connection."""
        self._closed.set()
        self._client.close()


def _result(call: Any, wait: Callable[[], None]) -> Any:
    """What ``call`` gives; ``wait`` is called until it does."""
    while True:
        wait()
        with suppress(grpc.FutureTimeoutError):
            return call.result(LOOK)


@contextmanager
def kept_open(request: Any) -> Iterator[Iterator[Any]]:
    """One request of a stream whose end would be the end of the answers, as proxies take it."""
    released = threading.Event()

    def requests() -> Iterator[Any]:
        yield request
        released.wait()

    try:
        yield requests()
    finally:
        released.set()
