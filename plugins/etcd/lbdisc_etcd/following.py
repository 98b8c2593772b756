"""One session's way with the records: all of them, then every change, and slowly all again.

A session that broke leaves nothing to go on from. Equal ids and a revision that others have caught
up with prove no common history: a cluster restored from a backup has both.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from types import TracebackType
from typing import Self

import structlog

from lbdisc.backoff import spread
from lbdisc.hooks import Publish
from lbdisc.raw import Raw
from lbdisc.values import Endpoint, Snapshot
from lbdisc_etcd.backlog import Changes
from lbdisc_etcd.failures import NO_ANSWER, Compacted, MemberUnreachable, Recovered, TooLarge
from lbdisc_etcd.messages import Batch, KeyEvent
from lbdisc_etcd.reading import PageSize, WholeRead, left_cleanly, read_everything
from lbdisc_etcd.reviewing import Review
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.state import Records
from lbdisc_etcd.wire import Session

CATCH_UP = 1.0  # seconds that a watch may be behind a read
BURST = 100  # revisions that come at once are told one by one up to this many
AGAIN = 1.0  # seconds between two watches of a session, at least
_log = structlog.get_logger("lbdisc.etcd")


@dataclass(slots=True)
class Known:
    """The records, and the revision of the last event or read that went in; 0: none yet."""

    records: Records
    page: PageSize
    revision: int = 0

    @classmethod
    def nothing(cls, settings: EtcdSettings, service: str = "") -> Self:
        """Of ``service`` alone, if given."""
        records = Records(settings.prefix, settings.format, settings.port, service)
        return cls(records, PageSize(settings.page_size))


class Teller:
    """Publishes what was not published last."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._told: Snapshot | None = None

    def tell(self, known: Known, left: Iterable[Endpoint] = ()) -> None:
        """``left`` are gone, and were draining before."""
        now, told, revision = known.records.snapshot(), self._told, str(known.revision)
        if not now.tells_the_same(told):
            self._told, leases = now, known.records.take_leases()
            if drained := tuple(left):
                leaving = Snapshot.of((*now.endpoints, *drained), now.problems, now.more)
                self._publish(leaving, revision=revision, leases=leases)
            self._publish(now, revision=revision, leases=leases)


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
        self._watch = ExitStack()
        self._changes = Changes(session, *known.records.range)
        self._begun = 0.0  # when the watch was
        self._said = False  # whether it was told that changes are too large
        self._review: Review | None = None
        self._reading = False  # whether a review has more to read
        self._due = 0.0  # when the next review begins, or is compared

    def begin(self) -> None:
        """Read and publish everything."""
        self._begun = time.monotonic()
        begun = self._changes.take(self._session.patience.request)
        if not begun:
            raise MemberUnreachable(NO_ANSWER)
        reading = read_everything(self._session, self._known.records, self._known.page)
        if begun[0].cluster not in (0, reading.cluster):
            raise Compacted("reads and watches reach different clusters, see etcd.endpoints")
        self._teller.tell(self._known, self._take_over(reading))
        self._take(begun)
        self._wait_for_review()

    def _take_over(self, reading: WholeRead) -> list[Endpoint]:
        """Go on from ``reading``; returns who left cleanly while nobody watched."""
        before, self._known.revision = self._known.revision, reading.revision
        records, lost, now = self._known.records, reading.lost, reading.revision
        if not lost or not 0 < before < now:
            return []
        return left_cleanly(self._session, records, lost, after=before, until=now)

    def _wait_for_review(self) -> None:
        self._review, self._reading = None, False
        self._due = time.monotonic() + spread(self._settings.reconcile_every)

    def go_on(self) -> None:
        while True:
            try:
                left = 0.0 if self._reading else self._due - time.monotonic()
                if news := self._changes.take(max(0.0, left)):
                    self._take(news)
                if self._reading or time.monotonic() >= self._due:
                    self._look_again()
            except TooLarge as error:
                self._watch_anew(error)

    def _watch_anew(self, error: TooLarge) -> None:
        """An event cannot be taken in: go past it, over the same session."""
        tell = _log.debug if self._said else _log.warning
        tell("a change is too large to be told: everything is read", why=str(error))
        self._said = True
        self._session.wait(self._begun + AGAIN - time.monotonic())
        self._watch.close()
        self._changes = self._watch.enter_context(
            Changes(self._session, *self._known.records.range)
        )
        self.begin()

    def _look_again(self) -> None:
        """Read on, and compare it when the watch has had time to tell of it."""
        if self._review is None:
            if self._session.patient and not self._session.patience.stretched:
                raise Recovered("read again over another session")
            known = self._known
            self._review = Review(self._session, known.records, known.page, known=known.revision)
            self._reading = True
        if self._reading:
            self._reading = self._review.read_on()
            self._due = time.monotonic() + CATCH_UP
        else:
            self._compare(self._review)

    def _compare(self, review: Review) -> None:
        known, before = self._known, self._known.records.snapshot()
        review.take_over()
        known.revision = max(known.revision, review.revision)
        if known.records.snapshot() != before:
            _log.warning("the watch had missed changes: read again", revision=review.revision)
        self._wait_for_review()
        self._teller.tell(known)

    def _take(self, news: Sequence[Batch]) -> None:
        revisions = [*_by_revision(self._new(news))]
        if len(revisions) <= BURST:
            for revision, events in revisions:
                self._apply(revision, events)
        elif revisions:
            self._apply(revisions[-1][0], [event for _, events in revisions for event in events])

    def _new(self, news: Sequence[Batch]) -> Iterator[KeyEvent]:
        """Events of what was not there when everything was read."""
        at = self._known.revision
        return (event for batch in news for event in batch.events if event.revision > at)

    def _apply(self, revision: int, events: Sequence[KeyEvent]) -> None:
        """Go to ``revision``. Between several only clean ends are told, no other state."""
        if self._review is not None:
            self._review.touch(events)
        left = self._left(events)
        for event in {event.key: event for event in events}.values():
            if event.value is None:
                self._known.records.delete(event.key)
            else:
                self._known.records.put(event.key, event.value, event.lease)
        self._known.revision = revision
        self._teller.tell(self._known, left)

    def _left(self, events: Iterable[KeyEvent]) -> list[Endpoint]:
        """Whose draining and end are both among ``events``."""
        records = self._known.records
        farewells = ((key, records.decoded(key, word)) for key, word in last_words(events).items())
        return [end for key, end in farewells if end and end.draining and records.knows(key)]

    def __enter__(self) -> Self:
        self._watch.enter_context(self._changes)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watch.close()


def _by_revision(events: Iterable[KeyEvent]) -> Iterator[tuple[int, list[KeyEvent]]]:
    """One group for each revision: a goodbye and the deletion after it stay apart."""
    for revision, group in groupby(events, key=lambda event: event.revision):
        yield revision, list(group)


def last_words(events: Iterable[KeyEvent]) -> dict[bytes, Raw]:
    """By key, the last value of what was written and deleted again."""
    written: dict[bytes, Raw] = {}
    gone: dict[bytes, Raw] = {}
    for event in events:
        if event.value is not None:
            written[event.key] = event.value
            gone.pop(event.key, None)
        elif event.key in written:
            gone[event.key] = written[event.key]
    return gone
