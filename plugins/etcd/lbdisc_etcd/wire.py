"""The one module that touches etcd3 and gRPC: a session with one member, in our types.

Of etcd3 it uses the channel, the stubs and the messages. The library's watcher is not used (it
hides denied watches and spins when the server dies), nor is its login (its call credentials are
refused on plaintext channels). A session that failed once is closed and replaced, never mended.
"""

import importlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from lbdisc.raw import Oversized
from lbdisc.secret_files import current
from lbdisc_etcd import answers, stubs
from lbdisc_etcd.failures import (
    Compacted,
    Failure,
    LeaseGone,
    MemberUnreachable,
    NoLogins,
    StaleLogin,
    TooLarge,
    sorted_failure,
)
from lbdisc_etcd.logins import LOOK, login_of
from lbdisc_etcd.messages import Batch, Found, Page, Record
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


class Session:
    """Requests to one member; all raise a ``Failure``. ``close`` may come from any thread.

    Making one reads the certificates, ``login`` is the first to reach out; ``logging_in`` while it
    has not come through. ``patience`` says how long a request may take, and is told how long they
    took; ``patient``: a frozen member would be found later than usual.
    """

    def __init__(self, member: EtcdMember, settings: EtcdSettings, *, patience: Patience) -> None:
        _wait_calmly()
        logging.getLogger("grpc").setLevel(logging.CRITICAL)  # it logs tracebacks of what it raises
        self.member = member
        self.patient = patience.stretched
        self._settings = settings
        self.patience = patience
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

    def login(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Get a token, if there is a user; a cluster without logins is taken as it is.

        May take ``login_timeout``; ``meanwhile`` is called some times a second.
        """
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
        self.patience.logged_in(time.monotonic() - began)
        if self._token:
            self._metadata = (("token", self._token), _HAS_LEADER)

    def _authenticate(self, wait: Callable[[], None]) -> str:
        """A new token, empty where the cluster knows no logins."""
        settings = self._settings
        assert settings.password is not None
        request = rpc.AuthenticateRequest(name=settings.user, password=current(settings.password))
        try:
            with self._mapped():
                stub = rpc.AuthStub(self._client.channel)
                call = stub.Authenticate.future(
                    request, settings.login_timeout, metadata=self._metadata
                )
                return answers.token(_result(call, wait))
        except NoLogins:
            return ""

    def read(
        self,
        start: bytes,
        end: bytes,
        *,
        limit: int = 0,
        revision: int = 0,
        keys_only: bool = False,
    ) -> Page:
        """Up to ``limit`` records from ``start`` to below ``end``, in order of their keys.

        Linearizable; at ``revision`` if given, else the newest. Raises ``TooLarge`` for what takes
        more than ``LARGEST``. With ``keys_only`` all values are empty.
        """
        request = rpc.RangeRequest(
            key=start, range_end=end, limit=limit, revision=revision, keys_only=keys_only
        )
        reply = self._call(self._client.kvstub.Range, request, _read_of(start, end))
        return answers.page(reply, start, end, limit=limit)

    def get(self, key: bytes) -> Found:
        """Linearizable."""
        right = f"readwrite {key.decode()}"  # only who writes a key looks at it alone
        try:
            reply = self._call(self._client.kvstub.Range, rpc.RangeRequest(key=key), right)
            return answers.found(reply.kvs, reply, key)
        except TooLarge as error:
            request = rpc.RangeRequest(key=key, keys_only=True)
            reply = self._call(self._client.kvstub.Range, request, right)
            there = answers.found(reply.kvs, reply, key)
            record = there.record and replace(there.record, value=Oversized(error.size))
            return replace(there, record=record)

    def put(self, key: bytes, value: bytes, *, lease: int, over: int) -> Found:
        """Write if the key was last changed at revision ``over``; 0: if there is no such key.

        Returns what is there now, ours or not.
        """
        unchanged = rpc.Compare(
            key=key, target=rpc.Compare.MOD, result=rpc.Compare.EQUAL, mod_revision=over
        )
        request = rpc.TxnRequest(
            compare=[unchanged],
            success=[rpc.RequestOp(request_put=rpc.PutRequest(key=key, value=value, lease=lease))],
            failure=[rpc.RequestOp(request_range=rpc.RangeRequest(key=key))],
        )
        try:
            reply = self._call(self._client.kvstub.Txn, request, f"readwrite {key.decode()}")
        except TooLarge:  # another's is there, and much larger than ours
            return self.get(key)
        if reply.succeeded:
            revision = reply.header.revision
            return Found(Record(key, value, revision, lease), revision)
        return answers.found_instead(reply, key)

    def grant(self, ttl: int) -> int:
        """A new lease of ``ttl`` seconds; returns its id.

        We draw the id: etcd counts its own, and after a restore gives the same to others.
        """
        request = rpc.LeaseGrantRequest(TTL=ttl, ID=1 + secrets.randbits(62))
        return int(self._call(self._client.leasestub.LeaseGrant, request).ID)

    def refresh(self, lease: int) -> None:
        """Begin the time of ``lease`` again. Raises ``LeaseGone`` when it has ended."""

        def first(request: Any, timeout: float, metadata: Any) -> Any:
            with _kept_open(request) as requests:
                call = self._client.leasestub.LeaseKeepAlive(requests, timeout, metadata=metadata)
                try:
                    return next(call, None)
                finally:
                    call.cancel()

        reply = self._call(first, rpc.LeaseKeepAliveRequest(ID=lease))
        if reply is None:
            raise MemberUnreachable("no answer about the lease")
        if reply.TTL <= 0:
            raise LeaseGone("the lease has ended")

    def revoke(self, lease: int) -> None:
        """End ``lease`` and delete what hangs on it; one that is gone already is fine."""
        with suppress(LeaseGone):
            self._call(self._client.leasestub.LeaseRevoke, rpc.LeaseRevokeRequest(ID=lease))

    def delete(self, key: bytes, *, over: int) -> None:
        """Delete the key if it was last changed at revision ``over``."""
        unchanged = rpc.Compare(
            key=key, target=rpc.Compare.MOD, result=rpc.Compare.EQUAL, mod_revision=over
        )
        order = rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key))
        request = rpc.TxnRequest(compare=[unchanged], success=[order])
        self._call(self._client.kvstub.Txn, request, f"readwrite {key.decode()}")

    def watch(
        self, start: bytes, end: bytes, *, revision: int = 0, limit: float | None = None
    ) -> Iterator[Batch]:
        """Every event from ``revision`` on, without one from now on, in whole revisions.

        The first news is empty and says that it began. Never ends by itself: raises a ``Failure``,
        also after ``limit`` seconds; ``TooLarge`` where only reading everything goes past an event.
        """
        create = rpc.WatchCreateRequest(
            key=start, range_end=end, start_revision=revision, fragment=True
        )
        request, told = rpc.WatchRequest(create_request=create), answers.Told(start, end)
        right = _read_of(start, end)
        with self._mapped(right), _kept_open(request) as requests:
            call = rpc.WatchStub(self._client.channel).Watch(
                requests, limit, metadata=self._metadata
            )
            try:
                for reply in call:
                    self._check_watch(reply, right)
                    if news := told.take(reply):
                        yield news
            finally:
                call.cancel()
        raise MemberUnreachable("the server ended the watch")

    def _check_watch(self, reply: Any, right: str) -> None:
        """Cancellations come before events, and a denied watch is first created, then canceled."""
        if reply.compact_revision:
            raise Compacted(f"revisions below {reply.compact_revision} are forgotten")
        if reply.canceled:
            why = reply.cancel_reason or "the server canceled the watch"
            raise self._sorted("UNKNOWN", why, right)

    def _call(self, method: Callable[..., T], request: Any, right: str = "") -> T:
        if self._files is not None:
            self._files.look()
        with self._mapped(right), self._timed():
            return method(request, self.patience.request, metadata=self._metadata)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """What is done within has an answer; one beside a login says nothing of that."""
        began, beside = time.monotonic(), self.logging_in
        yield
        if not beside:
            self.patience.answered(time.monotonic() - began)

    @contextmanager
    def _mapped(self, right: str = "") -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            raise self._failure(error, right) from error
        except ValueError as error:  # what gRPC says about a channel closed by another thread
            raise MemberUnreachable("closed") from error

    def _failure(self, error: Any, right: str) -> Failure:
        return self._sorted(error.code().name, error.details() or "", right)

    def _sorted(self, code: str, details: str, right: str) -> Failure:
        user, secure = self._settings.user, self.member.secure
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _read_of(start: bytes, end: bytes) -> str:
    """The right that reading from ``start`` to ``end``, which follows a prefix, needs."""
    return f"read {end[:-1].decode()}/ --prefix" if end else f"read {start.decode()}"


def _result(call: Any, wait: Callable[[], None]) -> Any:
    """What ``call`` gives; ``wait`` is called until it does."""
    while True:
        wait()
        with suppress(grpc.FutureTimeoutError):
            return call.result(LOOK)


@contextmanager
def _kept_open(request: Any) -> Iterator[Iterator[Any]]:
    """One request of a stream whose end would be the end of the answers, as proxies take it."""
    released = threading.Event()

    def requests() -> Iterator[Any]:
        yield request
        released.wait()

    try:
        yield requests()
    finally:
        released.set()
