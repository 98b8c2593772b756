"""Discovery: one full read, then every change; after a broken connection on from where it was."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from threading import Event as Stop

from lbdisc.errors import DiscoveryError
from lbdisc.hooks import Publish
from lbdisc.values import Snapshot
from lbdisc_etcd.cluster import Cluster, warn_of_plaintext
from lbdisc_etcd.failures import Compacted
from lbdisc_etcd.messages import KeyEvent
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.state import Records
from lbdisc_etcd.wire import Session


class EtcdDiscovery:
    """Follows the records under the prefix. What it knows outlives a ``watch`` that failed."""

    def __init__(self, settings: EtcdSettings, service: str = "") -> None:
        self._settings = settings
        self._service = service
        self._cluster = Cluster(settings, error=DiscoveryError, timeout=settings.request_timeout)
        self._records = self._no_records()
        self._cluster_id = 0
        self._revision = 0  # of the last event or read that went into the records; 0: none yet
        self._told: Snapshot | None = None
        warn_of_plaintext(settings)

    def only(self, service: str) -> "EtcdDiscovery":
        """See ``lbdisc.hooks.Narrows``."""
        return EtcdDiscovery(self._settings, service)

    def _no_records(self) -> Records:
        settings = self._settings
        return Records(settings.prefix, settings.format, settings.port, self._service)

    def watch(self, publish: Publish, stop: Stop) -> None:
        """Publish the state at once and after each revision; see ``lbdisc.hooks.Discovery``."""
        self._told = None

        def follow(session: Session) -> None:
            try:
                self._follow(session, publish)
            except Compacted:
                self._revision = 0
                raise

        self._cluster.run(follow, stop)
        # Stopped, not broken: a later watch begins with the state of its own time.
        self._revision = 0

    def _follow(self, session: Session, publish: Publish) -> None:
        if not self._can_resume(session):
            self._read_everything(session)
        start, end = self._records.range
        answers = session.watch(start, end, revision=self._revision + 1)
        next(answers)
        self._cluster.proven()
        self._tell(publish)
        for events in answers:
            for revision, changes in _by_revision(events):
                self._apply(changes)
                self._revision = revision
                self._tell(publish)

    def _can_resume(self, session: Session) -> bool:
        """Whether this is the cluster we know, and no older than what we know.

        A watch from a revision that is still to come would wait in silence.
        """
        if not self._revision:
            return False
        now = session.read(*self._records.range, limit=1)
        return now.cluster == self._cluster_id and now.revision >= self._revision

    def _read_everything(self, session: Session) -> None:
        """All records as they were at the moment of the first page; taken over only as a whole."""
        fresh = self._no_records()
        start, end = fresh.range
        limit = self._settings.page_size
        page = session.read(start, end, limit=limit)
        at = page.revision
        fresh.update(page.records)
        while page.more:
            after = page.records[-1].key + b"\0"
            page = session.read(after, end, limit=limit, revision=at)
            fresh.update(page.records)
        self._records, self._cluster_id, self._revision = fresh, page.cluster, at

    def _apply(self, changes: Iterable[KeyEvent]) -> None:
        for event in changes:
            if event.value is None:
                self._records.delete(event.key)
            else:
                self._records.put(event.key, event.value)

    def _tell(self, publish: Publish) -> None:
        """Publish, unless that is what was published last."""
        snapshot = self._records.snapshot()
        told = self._told
        if told is None or (snapshot, snapshot.problems) != (told, told.problems):
            self._told = snapshot
            publish(snapshot, revision=str(self._revision))


def _by_revision(events: list[KeyEvent]) -> Iterator[tuple[int, Iterator[KeyEvent]]]:
    """One group for each revision: a goodbye and the deletion after it stay apart."""
    return groupby(events, key=lambda event: event.revision)
