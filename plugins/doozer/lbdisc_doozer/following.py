"""One connection's way with the records: all of them at one revision, then every change.

A connection that broke leaves nothing to go on from: a server that was set up anew has revisions
like any other.
"""

import time

from lbdisc.hooks import Publish
from lbdisc.values import Snapshot
from lbdisc_doozer.connection import DoozerConnection
from lbdisc_doozer.evidence import GRACE
from lbdisc_doozer.failures import StandingStill
from lbdisc_doozer.messages import DIRECTORY, Request, Verb
from lbdisc_doozer.names import encoded
from lbdisc_doozer.reading import FileChange, FileChanges, read_files, revision_of
from lbdisc_doozer.settings import DoozerSettings
from lbdisc_doozer.state import FileRecords

LOOK = 0.5  # seconds between two looks at the revision of a registry where nothing happens
CATCH_UP = 2.0  # seconds that a server may be behind another, and within which one moves
NOTICE = 0.1  # seconds between two looks meanwhile


class KnownFiles:
    """What outlives a connection: the records, and up to where they go; 0: nowhere yet."""

    def __init__(self, settings: DoozerSettings, service: str = "") -> None:
        self.records = FileRecords(settings)
        self.root = settings.prefix + (f"/{encoded(service)}" if service else "")
        self.deep = 1 if service else 2
        self.standstill = max(settings.ttl, GRACE)
        self.revision = 0
        self.stood = False  # whether the last server that was asked stood still
        self._told: Snapshot | None = None

    def forget_told(self) -> None:
        """Whoever watches next is told everything."""
        self._told = None

    def tell(self, publish: Publish) -> None:
        """Publish what was not published last."""
        now = self.records.snapshot()
        if not now.tells_the_same(self._told):
            self._told = now
            publish(now, revision=str(self.revision), leases=self.records.take_leases())


class FileFollowing:
    """``begin`` once, then ``go_on`` until that raises a ``DoozerFailure``."""

    def __init__(self, connection: DoozerConnection, known: KnownFiles, publish: Publish) -> None:
        self._connection = connection
        self._known = known
        self._publish = publish
        self._changes: FileChanges | None = None

    def begin(self) -> None:
        """Read and publish everything."""
        known, clock = self._known, self._known.records.clock
        revision = self._current()
        clock.begin(revision, time.monotonic())
        files = read_files(self._connection, known.root, revision, deep=known.deep)
        known.records.take_over(files)
        known.revision, known.stood = revision, False
        self._changes = FileChanges(self._connection, known.root, revision)
        known.tell(self._publish)

    def _current(self) -> int:
        """The newest revision, of a server that is not behind what is known.

        One that is, and catches up with no one, is of another history if it moves at all.
        """
        known = self._known
        first = revision = revision_of(self._connection)
        until = time.monotonic() + CATCH_UP
        while revision < known.revision or (known.stood and revision == first):
            if time.monotonic() > until:
                if revision == first:
                    raise StandingStill(_standing(revision))
                break
            time.sleep(NOTICE)
            revision = revision_of(self._connection)
        return revision

    def go_on(self) -> None:
        """Until a ``DoozerFailure``: ``StandingStill`` for what did so for ``standstill`` s."""
        assert self._changes is not None, "not begun"
        while True:
            changes = self._changes.take(LOOK)
            now = time.monotonic()
            if changes:
                self._known.records.clock.saw(changes[-1].revision, now)
                self._apply(changes)
            else:
                self._look(now)
            if self._known.records.expire():
                self._known.tell(self._publish)

    def _look(self, now: float) -> None:
        """The revision moves wherever anybody can write at all: servers do, once a second."""
        revision, clock = revision_of(self._connection), self._known.records.clock
        clock.saw(revision, now)
        if clock.stood(now) > self._known.standstill:
            self._known.stood = True
            raise StandingStill(_standing(revision))

    def _apply(self, changes: list[FileChange]) -> None:
        """Tell what they come to, and each one who says goodbye before it is gone."""
        known, news = self._known, False
        for change in changes:
            if change.value is None and news and known.records.draining(change.path):
                known.tell(self._publish)
            known.revision = change.revision
            news |= self._take(change)
        if news:
            known.tell(self._publish)

    def _take(self, change: FileChange) -> bool:
        records = self._known.records
        if not records.holds_files(change.path):
            if change.value is None:
                return records.remove(change.path)
            return records.put(change.path, change.value, change.revision)
        if change.value is None and not self._is_folder(records.file(change.path)):
            return records.remove(change.path)
        return records.put(change.path, None, change.revision)

    def _is_folder(self, path: str) -> bool:
        return self._connection.ask(Request(Verb.STAT, path=path)).rev == DIRECTORY


def _standing(revision: int) -> str:
    return f"it stands still at revision {revision}: cut off from its cluster, or no majority"
