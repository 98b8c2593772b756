"""A session with one member, in our types: what is asked of etcd, and what it answers.

The library's watcher is not used: it hides denied watches and spins when the server dies. A session
that failed once is closed and replaced, never mended.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from lbdisc.raw import Oversized
from lbdisc_etcd import answers, stubs
from lbdisc_etcd.channel import Channel, kept_open
from lbdisc_etcd.failures import Compacted, LeaseGone, MemberUnreachable, TooLarge
from lbdisc_etcd.messages import Batch, Found, Page, Record
from lbdisc_etcd.patience import Patience
from lbdisc_etcd.settings import EtcdMember, EtcdSettings

etcd3: Any = stubs.imported()
rpc: Any = etcd3.etcdrpc


class Session:
    """Requests to one member; all raise a ``Failure``. ``close`` may come from any thread.

    Making one reads the certificates, ``login`` is the first to reach out; ``logging_in`` while it
    has not come through. ``patience`` says how long a request may take, and is told how long they
    took; ``patient``: a frozen member would be found later than usual.
    """

    def __init__(self, member: EtcdMember, settings: EtcdSettings, *, patience: Patience) -> None:
        self.member = member
        self.patient = patience.stretched
        self.patience = patience
        self._channel = Channel(member, settings, patience=patience)

    @property
    def logging_in(self) -> bool:
        """Whether ``login`` has been called and has not come through."""
        return self._channel.logging_in

    def login(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Get a token, if there is a user; a cluster without logins is taken as it is.

        May take ``login_timeout``; ``meanwhile`` is called some times a second.
        """
        self._channel.login(meanwhile)

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
        reply = self._channel.call(self._channel.kv.Range, request, _read_of(start, end))
        return answers.page(reply, start, end, limit=limit)

    def get(self, key: bytes) -> Found:
        """Linearizable."""
        right = f"readwrite {key.decode()}"  # only who writes a key looks at it alone
        try:
            reply = self._channel.call(self._channel.kv.Range, rpc.RangeRequest(key=key), right)
            return answers.found(reply.kvs, reply, key)
        except TooLarge as error:
            request = rpc.RangeRequest(key=key, keys_only=True)
            reply = self._channel.call(self._channel.kv.Range, request, right)
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
            reply = self._channel.call(self._channel.kv.Txn, request, f"readwrite {key.decode()}")
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
        return int(self._channel.call(self._channel.leases.LeaseGrant, request).ID)

    def refresh(self, lease: int) -> None:
        """Begin the time of ``lease`` again. Raises ``LeaseGone`` when it has ended."""

        def first(request: Any, timeout: float, metadata: Any) -> Any:
            with kept_open(request) as requests:
                call = self._channel.leases.LeaseKeepAlive(requests, timeout, metadata=metadata)
                try:
                    return next(call, None)
                finally:
                    call.cancel()

        reply = self._channel.call(first, rpc.LeaseKeepAliveRequest(ID=lease))
        if reply is None:
            raise MemberUnreachable("no answer about the lease")
        if reply.TTL <= 0:
            raise LeaseGone("the lease has ended")

    def revoke(self, lease: int) -> None:
        """End ``lease`` and delete what hangs on it; one that is gone already is fine."""
        with suppress(LeaseGone):
            self._channel.call(self._channel.leases.LeaseRevoke, rpc.LeaseRevokeRequest(ID=lease))

    def delete(self, key: bytes, *, over: int) -> None:
        """Delete the key if it was last changed at revision ``over``."""
        unchanged = rpc.Compare(
            key=key, target=rpc.Compare.MOD, result=rpc.Compare.EQUAL, mod_revision=over
        )
        order = rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key))
        request = rpc.TxnRequest(compare=[unchanged], success=[order])
        self._channel.call(self._channel.kv.Txn, request, f"readwrite {key.decode()}")

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
        with self._channel.mapped(right), kept_open(request) as requests:
            call = self._channel.watch(requests, limit)
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
            raise self._channel.failure("UNKNOWN", why, right)

    def wait(self, seconds: float) -> None:
        """Raises a ``Failure`` when the session is closed meanwhile."""
        self._channel.wait(seconds)

    def close(self) -> None:
        """End every request in flight and the connection."""
        self._channel.close()

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
