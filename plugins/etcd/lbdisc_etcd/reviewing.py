"""A slow reading beside a watch: page by page between its news, compared at the end."""

from collections.abc import Iterable

from lbdisc.raw import Raw
from lbdisc_etcd.failures import Compacted
from lbdisc_etcd.messages import KeyEvent
from lbdisc_etcd.reading import PageSize, pages
from lbdisc_etcd.state import Records
from lbdisc_etcd.wire import Session


class Review:
    """Reads everything again, as it is at ``revision``; known with the first page, 0 before.

    What differs is noted, and left to a watch that may be behind. ``known`` is the revision that
    the records are at. Raises a ``Failure``.
    """

    def __init__(self, session: Session, records: Records, size: PageSize, *, known: int) -> None:
        self._records = records
        self._known = known
        self._pages = pages(session, *records.range, size)
        self.revision = 0
        self._there: set[bytes] = set()
        self._differing: dict[bytes, tuple[Raw, int]] = {}
        self._touched: set[bytes] = set()

    def read_on(self) -> bool:
        """Read a page; whether there are more."""
        page = next(self._pages, None)
        if page is None:
            return False
        self.revision = self.revision or page.revision
        if self.revision < self._known:
            raise Compacted("the cluster is behind what it told before: it was set up anew")
        for record in page.records:
            filed = self._records.filed(record.key)
            self._there.add(filed)
            if self._records.differs(filed, record.value):
                self._differing[record.key] = record.value, record.lease
        return page.more

    def touch(self, events: Iterable[KeyEvent]) -> None:
        """These were told since: what they tell counts, where it is newer than the reading."""
        if self.revision:
            self._touched.update(
                self._records.filed(e.key) for e in events if e.revision > self.revision
            )

    def take_over(self) -> None:
        """Take what was read for all there is, but for what was touched since."""
        for key, (value, lease) in self._differing.items():
            if self._records.filed(key) not in self._touched:
                self._records.put(key, value, lease)
        self._records.keep(self._there | self._touched)
