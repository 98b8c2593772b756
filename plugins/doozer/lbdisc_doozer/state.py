"""What is below the prefix, decoded file by file: one change among thousands costs one parse."""

from collections.abc import Iterable

from lbdisc.entries import Entries
from lbdisc.errors import EntryError
from lbdisc.leases import Lease
from lbdisc.raw import DIGEST, Raw, digest
from lbdisc.reading import read_entry
from lbdisc.values import Endpoint, Problem, Snapshot
from lbdisc_doozer import record
from lbdisc_doozer.evidence import LiveClock, Lives
from lbdisc_doozer.settings import DoozerSettings

MAX_PATH = 900  # characters; what is longer has no name, and is filed by a digest
_A_FOLDER = f"a directory: {record.SHAPE}"


class FileRecords:
    """Endpoints and problems by path; those without a sign of life are not in the snapshot.

    Of what is refused nothing is kept but why, and of all else no more than the endpoint.
    """

    def __init__(self, settings: DoozerSettings) -> None:
        self._settings = settings
        self._entries = Entries[str]()
        self._paths: set[str] = set()
        self.clock = LiveClock()
        self._lives = Lives(self.clock)

    def file(self, path: str) -> str:
        """Where ``path`` belongs: to itself, or to the directory where a file should be."""
        parts = path.removeprefix(f"{self._settings.prefix}/").split("/", 2)
        if len(parts) > 2:
            return self.file(f"{self._settings.prefix}/{parts[0]}/{parts[1]}")
        if len(path) <= MAX_PATH:
            return path
        return path[: MAX_PATH - 2 * DIGEST] + digest(path.encode()).hex()

    def holds_files(self, path: str) -> bool:
        """Whether ``path`` lies deeper than any file should."""
        return path.removeprefix(f"{self._settings.prefix}/").count("/") > 1

    def put(self, path: str, value: Raw | None, revision: int) -> bool:
        """Take in what was written at ``revision``; whether it says anything new.

        Without a ``value`` it is a directory.
        """
        filed = self.file(path)
        before = self._entries.endpoint(filed)
        self._paths.add(filed)
        found = read_entry(path, lambda: self._read(path, value))
        if isinstance(found, Problem):
            self._lives.forget(filed)
            self._entries.put(filed, found)
            return True
        if found.ttl is None or value is None:
            self._lives.forget(filed)
        elif not self._lives.saw(filed, b"%d %b" % (revision, digest(value)), found.ttl):
            self._entries.remove(filed)
            return before is not None
        changed = before is None or before != found.endpoint
        by = "" if found.ttl is None else f"heartbeats of {found.owner or 'its writer'}"
        if changed:
            self._entries.put(filed, found.endpoint, by=by, ttl_s=found.ttl)
        else:
            self._entries.lives_by(filed, by)
        return changed

    def _read(self, path: str, value: Raw | None) -> record.FileRecord:
        if value is None or self.holds_files(path):
            raise EntryError(_A_FOLDER)
        return record.read(self._settings, path, value)

    def remove(self, path: str) -> bool:
        """Whether anything was there."""
        filed = self.file(path)
        known = filed in self._paths
        self._paths.discard(filed)
        self._lives.forget(filed)
        self._entries.remove(filed, end="deleted")
        return known

    def take_over(self, files: Iterable[tuple[str, Raw | None, int]]) -> None:
        """All that there is, and nothing else."""
        there = set()
        for path, value, revision in list(files):  # what breaks half-way changes nothing
            there.add(self.file(path))
            self.put(path, value, revision)
        self._lives.keep(there)
        for path in self._paths - there:
            self._entries.remove(path)
        self._paths = there

    def expire(self) -> bool:
        """Leave out who gave no sign of life in time; whether there was anybody."""
        ended = self._lives.end()
        for path in ended:
            self._entries.remove(path, end="expired", renewed_s=self._lives.last_seen(path))
        return bool(ended)

    def take_leases(self) -> tuple[Lease, ...]:
        """What is news of leases since the last call."""
        return self._entries.take_leases()

    def draining(self, path: str) -> bool:
        endpoint: Endpoint | None = self._entries.endpoint(self.file(path))
        return endpoint is not None and endpoint.draining

    def snapshot(self) -> Snapshot:
        return self._entries.snapshot()
