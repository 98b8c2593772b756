"""What the files that were read amount to: whom they list, and what is wrong with them.

One change costs what it changes, however many files there are, good ones or bad.
"""

import time
from dataclasses import dataclass

from lbdisc.builtin.file.claims import Claims, Key
from lbdisc.builtin.file.entry import FileEntry, Signature, Touched
from lbdisc.builtin.file.leases import INFINITE, Leases
from lbdisc.errors import shown
from lbdisc.leases import Lease, LeaseBook
from lbdisc.problems import Problems
from lbdisc.values import Endpoint, Problem, Snapshot

FEW = 100  # names that are put into place one by one


@dataclass(slots=True)
class SeenFile:
    """A file: the last good entry in it, its lease's end, and what is wrong with it now."""

    signature: Signature | None
    entry: FileEntry | None
    touched: Touched | None = None
    problem: str = ""

    @property
    def ends(self) -> float:
        """When the entry's lease ends, on the monotonic clock."""
        if self.entry is None or self.touched is None:
            return INFINITE
        return self.touched.ends(self.entry.ttl)

    @property
    def key(self) -> Key | None:
        """The endpoint that it claims to be."""
        return None if self.entry is None else self.entry.endpoint.key


class Listing:
    """The files by path. Of several that claim one name the one that was there first counts."""

    def __init__(self) -> None:
        self._files: dict[str, SeenFile] = {}
        self._folders: dict[str, dict[str, None]] = {}
        self._claims = Claims(self._rank)
        self._known = Snapshot()
        self._book = LeaseBook()
        self._leases = Leases(lambda path: seen.ends if (seen := self.get(path)) else INFINITE)
        self._problems = Problems[tuple[str, Key | None]]()
        self._touched: set[Key] = set()
        self._seconds: dict[Key, tuple[str, ...]] = {}
        self._last = Snapshot()

    def get(self, path: str) -> SeenFile | None:
        """What is known of the file at ``path``."""
        return self._files.get(path)

    def inside(self, folder: str) -> list[str]:
        """The paths of the files in ``folder``."""
        return list(self._folders.get(folder, ()))

    @property
    def folders(self) -> list[str]:
        """Those that files are known of."""
        return list(self._folders)

    def keep(self, path: str, new: SeenFile | None) -> None:
        """Take in what is now known of a file, ``None`` for one that is gone."""
        old, folder = self._files.pop(path, None), path.rpartition("/")[0]
        if old is not None and old.key is not None:
            self._touched.add(old.key)
            if new is None or new.key != old.key:
                self._claims.drop(old.key, path)
        if new is None:
            self._leave(folder, path)
            self._problems.drop((path, None))
            return
        self._files[path] = new
        self._folders.setdefault(folder, {})[path] = None
        if new.key is not None:
            self._touched.add(new.key)
            self._claims.put(new.key, path)
            self._leases.add(path)
        if new.problem:
            self._problems.put((path, None), Problem(path, new.problem))
        else:
            self._problems.drop((path, None))

    def _leave(self, folder: str, path: str) -> None:
        if names := self._folders.get(folder):
            names.pop(path, None)
            if not names:
                del self._folders[folder]

    def remember(self, known: Snapshot) -> None:
        """Who was listed before anything was looked at: they keep their names."""
        self._known = known

    def _rank(self, path: str) -> tuple[bool, bool, float, str]:
        """Of files that are found together: who was known, has an owner, was changed least lately.

        No user can date a file's last change back.
        """
        seen = self._files[path]
        assert seen.entry is not None
        assert seen.touched is not None
        endpoint = seen.entry.endpoint
        known = self._known.get(endpoint.key)
        stays = known is not None and known.host_port == endpoint.host_port
        return not stays, not seen.entry.owner, seen.touched.at, path

    def complain(self, folder: str, problem: Problem) -> None:
        """A folder cannot be read."""
        self._problems.put((folder, None), problem)

    def forgive(self, folder: str) -> None:
        """Nothing is wrong with ``folder`` itself any more."""
        self._problems.drop((folder, None))

    @property
    def next_end(self) -> float:
        """When the next lease may end, on the monotonic clock."""
        return self._leases.next

    def over(self, now: float) -> list[str]:
        """The files whose leases have ended since this was last asked."""
        ended = self._leases.over(now)
        self._touched.update(key for path in ended if (key := self._files[path].key))
        return ended

    def snapshot(self, now: float) -> Snapshot:
        """What the files say at ``now``, on the monotonic clock."""
        self.over(now)
        touched, self._touched = self._touched, set()
        found = {key: self._counting(key, now) for key in touched}
        if len(touched) > max(FEW, len(self._claims) // 10):
            listed = self.whole(now)
        else:
            gone = [key for key, endpoint in found.items() if endpoint is None]
            listed = self._last.patched([e for e in found.values() if e is not None], gone)
        self._known = Snapshot()
        self._last = Snapshot(listed.endpoints, self._problems.named, self._problems.more)
        return self._last

    def whole(self, now: float) -> Snapshot:
        """The same, made from all files."""
        # Sorted by their keys first: to compare ten thousand endpoints takes its time.
        found = (self._winner(key, now) for key in sorted(self._claims))
        return Snapshot.of(found_one[1] for found_one in found if found_one is not None)

    def _counting(self, key: Key, now: float) -> Endpoint | None:
        """The endpoint of that name; the other files that claim it are problems."""
        winner = self._winner(key, now)
        self._note_lease(key, winner and winner[0])
        seconds = tuple(p for p in self._alive(key, now) if winner is None or p != winner[0])
        for path in self._seconds.pop(key, ()):
            self._problems.drop((path, key))
        if seconds:
            self._seconds[key] = seconds
            first = winner[0].rpartition("/")[2] if winner else ""
            what = f"a second file for {'/'.join(key)}, which {shown(first)} has: remove one"
            for path in seconds:
                self._problems.put((path, key), Problem(path, what))
        return winner and winner[1]

    def _note_lease(self, key: Key, path: str | None) -> None:
        """What the endpoint of that name lives by, ``path``'s lease, or how that ended."""
        if path is not None:
            self._book.put(_lease(key, path, self._files[path]))
            return
        over = next((self._files[each] for each in self._claims.of(key)), None)
        if over is None or over.touched is None:
            self._book.gone(key, end="deleted")
        else:
            renewed_s = time.time() - (time.monotonic() - over.touched.at)
            self._book.gone(key, end="expired", renewed_s=renewed_s)

    def take_leases(self) -> tuple[Lease, ...]:
        """What is news of leases since the last call."""
        return self._book.take()

    def _winner(self, key: Key, now: float) -> tuple[str, Endpoint] | None:
        for path in self._alive(key, now):
            entry = self._files[path].entry
            if entry is not None:
                return path, entry.endpoint
        return None

    def _alive(self, key: Key, now: float) -> list[str]:
        return [path for path in self._claims.of(key) if self._files[path].ends > now]


def _lease(key: Key, path: str, seen: SeenFile) -> Lease:
    """That of the file at ``path``, whose entry is good."""
    ttl_s = None if seen.entry is None else seen.entry.ttl
    by = "" if ttl_s is None else f"lease in {path.rpartition('/')[2]}"
    return Lease(service=key[0], name=key[1], by=by, ttl_s=ttl_s)
