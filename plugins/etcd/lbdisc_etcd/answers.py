"""A server's answers as our values: checked, and without what is too large to be a record.

Whatever was not asked for is a ``MemberUnreachable``: the member is passed over, nothing is taken
from it.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from lbdisc.raw import bounded
from lbdisc_etcd.failures import MemberUnreachable, TooLarge
from lbdisc_etcd.messages import Batch, Found, KeyEvent, Page, Record

MAX_TOKEN = 4096  # bytes; etcd's signed ones (JWT) take some hundreds
MAX_REVISION = 16 * 1024 * 1024  # bytes of the events of one revision that are put together
NOT_ASKED = "it answers what was not asked: no etcd, or a broken one"


def page(reply: Any, start: bytes, end: bytes, *, limit: int) -> Page:
    """The answer to a request for up to ``limit`` records from ``start`` to below ``end``."""
    records = tuple(map(_record, reply.kvs))
    keys = [record.key for record in records]
    ascending = all(one < next_ for one, next_ in pairwise(keys))
    if not (ascending and all(start <= key < end for key in keys[:1] + keys[-1:])):
        raise MemberUnreachable(NOT_ASKED)
    if (reply.more and not records) or (limit and len(records) > limit):
        raise MemberUnreachable(NOT_ASKED)
    cluster, revision = _moment(reply)
    return Page(records, reply.more, cluster, revision, reply.ByteSize())


def found(records: Any, reply: Any, key: bytes) -> Found:
    """What is at ``key``, of all the ``records`` in an answer."""
    if len(records) > 1 or any(record.key != key for record in records):
        raise MemberUnreachable(NOT_ASKED)
    return Found(_record(records[0]) if records else None, _moment(reply)[1])


def found_instead(reply: Any, key: bytes) -> Found:
    """What is at ``key``, by the answer to a transaction whose condition was not met."""
    if len(reply.responses) != 1:
        raise MemberUnreachable(NOT_ASKED)
    return found(reply.responses[0].response_range.kvs, reply, key)


def token(reply: Any) -> str:
    """The token that a login gave."""
    text = str(reply.token)
    if len(text) > MAX_TOKEN or not text.isascii() or not text.isprintable():
        raise MemberUnreachable(NOT_ASKED)
    return text


class Told:
    """What one watch tells about the keys from ``start`` to below ``end``, or ``start`` alone."""

    def __init__(self, start: bytes, end: bytes) -> None:
        self._start = start
        self._end = end or start + b"\0"
        self._begun = False
        self._cluster = 0
        self._part: list[KeyEvent] = []  # of a revision whose other events are still to come

    def take(self, reply: Any) -> Batch | None:
        """The news in ``reply``, whole revisions only; the first is empty, ``None`` for none.

        Raises ``TooLarge`` for a revision that is too large to be put together.
        """
        if reply.created == self._begun:
            raise MemberUnreachable(NOT_ASKED)  # begun twice, or told of before it began
        cluster = reply.header.cluster_id  # which a grpc-proxy may leave out
        self._cluster = self._cluster or cluster
        if cluster and cluster != self._cluster:
            raise MemberUnreachable("it speaks for two clusters in turn, see etcd.endpoints")
        whole = self._whole(map(_event, reply.events), more=reply.fragment)
        if self._begun and not whole:
            return None
        self._begun = True
        return Batch(tuple(whole), self._cluster, reply.header.revision)

    def _whole(self, events: Iterable[KeyEvent], *, more: bool) -> list[KeyEvent]:
        """All events there are, but for those of the last revision while ``more`` are to come."""
        told, self._part = self._part, []
        told += (event for event in events if self._start <= event.key < self._end)
        if not (more and told):
            return told
        last = told[-1].revision
        first = next(at for at, event in enumerate(told) if event.revision == last)
        self._part = told[first:]
        if sum(event.weight for event in self._part) > MAX_REVISION:
            raise TooLarge(f"one revision takes more than {MAX_REVISION} bytes", MAX_REVISION)
        return told[:first]


def _moment(reply: Any) -> tuple[int, int]:
    """Of which cluster and revision the answer is: without both it is no answer of an etcd."""
    cluster, revision = reply.header.cluster_id, reply.header.revision
    if not cluster or revision < 1:
        raise MemberUnreachable(NOT_ASKED)
    return cluster, revision


def _record(found: Any) -> Record:
    return Record(found.key, bounded(found.value), found.mod_revision, found.lease)


def _event(event: Any) -> KeyEvent:
    kv, deleted = event.kv, event.type == event.DELETE
    value = None if deleted else bounded(kv.value)
    return KeyEvent(kv.key, value, kv.mod_revision, kv.lease)
