"""One session's way with the records: all of them, then every change, and slowly all again.

A session that broke leaves nothing to go on from. Equal ids and a revision that others have caught
up with prove no common history: a cluster restored from a backup has both.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from types import TracebackType
from typing import Self

import structlog

from lbdisc.backoff import spread
from lbdisc.hooks import Publish
from lbdisc.values import Endpoint, Snapshot
from lbdisc_etcd.failures import NO_ANSWER, Compacted, MemberUnreachable, Recovered
from lbdisc_etcd.messages import Batch, KeyEvent
from lbdisc_etcd.reading import Changes, State, left_cleanly, read_everything
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.state import Records
from lbdisc_etcd.wire import Session

CATCH_UP = 1.0  # seconds that a watch may be behind a read
_log = structlog.get_logger("lbdisc.etcd")


@dataclass(slots=True)
class Known:
    """The records, and the revision of the last event or read that went in; 0: none yet."""

    records: Records
    revision: int = 0

    @classmethod
    def nothing(cls, settings: EtcdSettings, service: str = "") -> Self:
        """Of ``service`` alone, if given."""
        return cls(Records(settings.prefix, settings.format, settings.port, service))


class Teller:
    """Publishes what was not published last."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._told: Snapshot | None = None

    def tell(self, known: Known, left: Iterable[Endpoint] = ()) -> None:
        """``left`` are gone, and were draining before."""
        now, told, revision = known.records.snapshot(), self._told, str(known.revision)
        if not now.tells_the_same(told):
            self._told = now
            if drained := tuple(left):
                leaving = Snapshot.of((*now.endpoints, *drained), now.problems, now.more)
                self._publish(leaving, revision=revision)
            self._publish(now, revision=revision)


class Following:
    """``begin`` once, then ``go_on`` until that raises a ``Failure``, in a ``with`` block.

    The watch begins before the reading: what breaks the one in between breaks the other.
    """

    def __init__(
        self, session: Session, settings: EtcdSettings, known: Known, teller: Teller
    ) -> None:
        self._session = session
        self._settings = settings
        self._known = known
        self._teller = teller
        self._changes = Changes(session, *known.records.range)
        self._read: State | None = None  # to be compared when the watch has come as far
        self._due = 0.0  # when the next reading, or the comparison, is

    def begin(self) -> None:
        """Read and publish everything."""
        begun = self._changes.next(self._session.patience.request)
        if begun is None:
            raise MemberUnreachable(NO_ANSWER)
        state = self._read_all()
        self._teller.tell(self._known, self._take_over(state))
        if begun.cluster != state.cluster:
            raise Compacted("reads and watches reach different clusters, see etcd.endpoints")
        self._wait_for_reading()

    def _read_all(self) -> State:
        size = self._settings.page_size
        return read_everything(self._session, *self._known.records.range, page_size=size)

    def _take_over(self, state: State) -> list[Endpoint]:
        """Take ``state`` for the truth; returns who left cleanly while nobody watched."""
        known, records = self._known.revision, self._known.records
        self._known.revision = state.revision
        lost = records.replace(state.records)
        if not lost or not 0 < known < state.revision:
            return []
        return left_cleanly(self._session, records, lost, after=known, until=state.revision)

    def _wait_for_reading(self) -> None:
        self._due = time.monotonic() + spread(self._settings.reconcile_every)

    def go_on(self) -> None:
        while True:
            left = self._due - time.monotonic()
            if left <= 0:
                self._look_again()
            elif news := self._changes.next(left):
                self._take(news)

    def _look_again(self) -> None:
        """Read everything, and compare it when the watch has had time to tell of it."""
        if self._read is not None:
            self._compare(self._read)
            return
        if self._session.patient and not self._session.patience.stretched:
            raise Recovered("read again over another session")
        state = self._read_all()
        if state.revision < self._known.revision:
            raise Compacted("the cluster is behind what it told before: it was set up anew")
        self._read, self._due = state, time.monotonic() + CATCH_UP

    def _take(self, news: Batch) -> None:
        for revision, events in _by_revision(news.events):
            if revision <= self._known.revision:
                continue  # it was there when everything was read
            if self._read is not None and revision > self._read.revision:
                self._compare(self._read)
            self._apply(events)
            self._known.revision = revision
            self._teller.tell(self._known)

    def _compare(self, state: State) -> None:
        self._read = None
        self._wait_for_reading()
        known, before = self._known, self._known.records.snapshot()
        known.records.replace(state.records)
        known.revision = state.revision
        if known.records.snapshot() != before:
            _log.warning("the watch had missed changes: read again", revision=state.revision)
        self._teller.tell(known)

    def _apply(self, changes: Iterable[KeyEvent]) -> None:
        for event in changes:
            if event.value is None:
                self._known.records.delete(event.key)
            else:
                self._known.records.put(event.key, event.value)

    def __enter__(self) -> Self:
        self._changes.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._changes.__exit__(kind, error, trace)


def _by_revision(events: Iterable[KeyEvent]) -> Iterator[tuple[int, Iterator[KeyEvent]]]:
    """One group for each revision: a goodbye and the deletion after it stay apart."""
    return groupby(events, key=lambda event: event.revision)
