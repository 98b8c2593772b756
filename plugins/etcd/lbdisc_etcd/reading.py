"""Reading everything under a prefix, page by page, however large what lies there is."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lbdisc.raw import Oversized
from lbdisc.values import Endpoint
from lbdisc_etcd.channel import LARGEST
from lbdisc_etcd.failures import Compacted, Failure, MemberUnreachable, TooLarge
from lbdisc_etcd.messages import KeyEvent, Page
from lbdisc_etcd.state import Records
from lbdisc_etcd.wire import Session

ASIDE = 1.0  # seconds for what an outage's history tells beside the state
FIRST = 250  # records of a first page, of which nothing is known
GOAL = LARGEST // 2  # bytes of a page
MOST = 1_000_000  # keys under one prefix
LONGEST = 300.0  # seconds until a reading has failed


class PageSize:
    """How many records the next page asks for; ``most`` at the most. It outlives a session.

    A page that broke its session is asked for in smaller parts by the next.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._next = min(most, FIRST)

    def asked(self) -> int:
        """What to ask for; half of it, until ``fitted`` or ``failed`` tells how it went."""
        asked, self._next = self._next, max(1, self._next // 2)
        return asked

    def fitted(self, asked: int, page: Page) -> None:
        by_size = len(page.records) * GOAL // max(1, page.size)
        self._next = max(1, min(self._most, 2 * asked, by_size or asked))

    def failed(self, asked: int, error: TooLarge) -> None:
        self._next = max(1, min(asked // 2, asked * GOAL // max(1, error.size)))


def pages(session: Session, start: bytes, end: bytes, size: PageSize) -> Iterator[Page]:
    """All records as they were at the moment of the first page. Raises a ``Failure``.

    None takes more than ``LARGEST`` bytes. A value that does alone is passed over: ``Oversized``.
    """
    at, until, total = 0, time.monotonic() + LONGEST, 0
    while True:
        page = _next_page(session, start, end, at=at, size=size)
        if page is None:
            continue
        at = at or page.revision
        yield page
        if not page.more:
            return
        start, total = page.records[-1].key + b"\0", total + len(page.records)
        if total > MOST or time.monotonic() > until:
            raise MemberUnreachable(f"{total} keys read, and more to come, see etcd.prefix")


def _next_page(
    session: Session, start: bytes, end: bytes, *, at: int, size: PageSize
) -> Page | None:
    """``None``: it did not fit, ask again for less."""
    asked = size.asked()
    try:
        page = session.read(start, end, limit=asked, revision=at)
    except TooLarge as error:
        size.failed(asked, error)
        return None if asked > 1 else _without_value(session, start, end, at=at, size=error.size)
    size.fitted(asked, page)
    return page


def _without_value(session: Session, start: bytes, end: bytes, *, at: int, size: int) -> Page:
    """The page of one record whose value is of about ``size`` bytes."""
    page = session.read(start, end, limit=1, revision=at, keys_only=True)
    records = tuple(replace(record, value=Oversized(size)) for record in page.records)
    return replace(page, records=records)


@dataclass(frozen=True, slots=True)
class WholeRead:
    """At ``revision`` of the cluster ``cluster``; ``lost``: the endpoints that are gone, by key."""

    cluster: int
    revision: int
    lost: Mapping[bytes, Endpoint]


def read_everything(session: Session, records: Records, size: PageSize) -> WholeRead:
    """Take what is there for all there is, into ``records``. Raises a ``Failure``."""
    there: set[bytes] = set()
    cluster = revision = 0
    for page in pages(session, *records.range, size):
        cluster, revision = cluster or page.cluster, revision or page.revision
        if page.cluster != cluster:
            raise Compacted("it speaks for two clusters in turn, see etcd.endpoints")
        for record in page.records:
            there.add(records.put(record.key, record.value, record.lease))
    return WholeRead(cluster, revision, records.keep(there))


def left_cleanly(
    session: Session, records: Records, lost: Mapping[bytes, Endpoint], *, after: int, until: int
) -> list[Endpoint]:
    """Those of ``lost`` that were draining before they went, as draining.

    What happened from ``after`` to ``until`` tells, as far as it is not forgotten, too much or
    told too slowly. Nothing depends on it: in another history it is silent, or tells of that one.
    """
    last: dict[bytes, KeyEvent] = {}  # the newest record of each
    waited_for, end = set(lost), time.monotonic() + ASIDE
    try:
        for news in session.watch(*records.range, revision=after + 1, limit=ASIDE):
            for event in news.events:
                if event.key in lost and event.revision <= until:
                    waited_for.discard(event.key)
                    if event.value is not None:
                        last[event.key] = event
                        waited_for.add(event.key)
            if not waited_for or news.revision > until or time.monotonic() > end:
                break
    except Failure:
        pass  # then the others count as lost
    drained = (records.decoded(key, event.value) for key, event in last.items())
    return [endpoint for endpoint in drained if endpoint is not None and endpoint.draining]
