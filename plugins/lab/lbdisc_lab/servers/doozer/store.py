"""The store: files by path, each change a revision of its own, and a history that ends.

Semantics as of doozerd's ``store`` package: a write that is refused is a revision too, which says
why in ``/ctl/err``; a write passes if its revision is not older than the file's.
"""

import re
from bisect import bisect_right, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from lbdisc_doozer.messages import CLOBBER, DIRECTORY, MISSING, Err

ERRORS = "/ctl/err"
NOP = "/"  # the path of a change that changes nothing
_PATH = re.compile(r"/|(/[A-Za-z0-9.-]+)+")
_GLOB = re.compile(r"/|(/[A-Za-z0-9.*?-]+)+")
_SIGNS = {"**": ".*", "*": "[^/]*", "?": "[^/]"}


class RequestRefused(Exception):
    """By the rules of the protocol."""

    def __init__(self, error: Err, detail: str = "") -> None:
        super().__init__(detail or error.name)
        self.error = error
        self.detail = detail


@lru_cache(maxsize=256)
def glob(pattern: str) -> re.Pattern[str]:
    """What ``pattern`` matches. Raises ``RequestRefused``."""
    if not _GLOB.fullmatch(pattern):
        raise RequestRefused(Err.OTHER, f"invalid glob pattern: {pattern}")
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    return re.compile("".join(_SIGNS.get(part) or re.escape(part) for part in parts))


@dataclass(frozen=True, slots=True)
class FileEvent:
    """``value`` is ``None`` for a file that was deleted."""

    revision: int
    path: str
    value: bytes | None


@dataclass(slots=True)
class _Versions:
    """Of one file, by revision: what the history still holds, and one before it."""

    revisions: list[int] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)

    def at(self, revision: int) -> tuple[bytes | None, int]:
        place = bisect_right(self.revisions, revision) - 1
        if place < 0 or self.values[place] is None:
            return None, MISSING
        return self.values[place], self.revisions[place]

    def forget(self, before: int) -> bool:
        """Whether nothing is left that matters from ``before`` on."""
        place = max(0, bisect_right(self.revisions, before) - 1)
        del self.revisions[:place], self.values[:place]
        return len(self.values) == 1 and self.values[0] is None and self.revisions[0] <= before


class FileStore:
    """All files. ``tell`` hears each change."""

    def __init__(self, tell: Callable[[FileEvent], None]) -> None:
        self.revision = 0
        self.head = 1  # the first revision that is still known
        self._tell = tell
        self._log: dict[int, FileEvent] = {}
        self._files: dict[str, _Versions] = {}
        self._paths: list[str] = []  # of ``_files``, sorted
        self._listings: dict[tuple[str, int], list[str]] = {}  # what was read of late

    def set(self, path: str, value: bytes, revision: int) -> int:
        """Returns the change's revision. Raises ``RequestRefused``, which is a revision too."""
        self._check_path(path)
        above = path.split("/")[1:-1]
        folders = ["/" + "/".join(above[: n + 1]) for n in range(len(above))]
        if any(self.get(folder)[1] > MISSING for folder in folders):
            raise self._refuse(Err.NOTDIR, "not a directory")
        return self._write(path, value, revision)

    def delete(self, path: str, revision: int) -> int:
        """Likewise; deleting what is not there is a revision, too."""
        self._check_path(path)
        return self._write(path, None, revision)

    def nop(self) -> int:
        return self._apply(NOP, None)

    def _write(self, path: str, value: bytes | None, revision: int) -> int:
        there = self.get(path)[1]
        if there == DIRECTORY:
            raise self._refuse(Err.ISDIR, "is a directory")
        if revision != CLOBBER and revision < there:
            raise self._refuse(Err.REV_MISMATCH, "rev mismatch")
        return self._apply(path, value)

    def _refuse(self, error: Err, words: str) -> RequestRefused:
        self._apply(ERRORS, words.encode())
        return RequestRefused(error)

    def _apply(self, path: str, value: bytes | None) -> int:
        self.revision += 1
        event = FileEvent(self.revision, path, value)
        self._log[self.revision] = event
        if path != NOP:
            if path not in self._files:
                self._files[path] = _Versions()
                insort(self._paths, path)
            versions = self._files[path]
            versions.revisions.append(self.revision)
            versions.values.append(value)
        self._tell(event)
        return self.revision

    @staticmethod
    def _check_path(path: str) -> None:
        if not _PATH.fullmatch(path):
            raise RequestRefused(Err.BAD_PATH)

    def known(self, revision: int | None) -> int:
        """``revision``, or the newest. Raises ``RequestRefused`` for what is forgotten."""
        if revision is None:
            return self.revision
        if max(1, revision) < self.head:
            raise RequestRefused(Err.TOO_LATE)
        return revision

    def get(self, path: str, at: int | None = None) -> tuple[bytes | None, int]:
        """Value and revision of a file; ``DIRECTORY`` and ``MISSING`` are revisions."""
        at = self.known(at)
        found = self._files[path].at(at) if path in self._files else (None, MISSING)
        if found[1] == MISSING and (path == "/" or next(self._below(path, at), None)):
            return None, DIRECTORY
        return found

    def names(self, folder: str, at: int | None = None) -> list[str]:
        """Sorted. Raises ``RequestRefused`` for what is no directory."""
        at = self.known(at)
        found = self.get(folder, at)[1]
        if found != DIRECTORY:
            raise RequestRefused(Err.NOENT if found == MISSING else Err.NOTDIR)
        start = folder.rstrip("/") + "/"

        def listed() -> list[str]:
            below = (path[len(start) :].partition("/")[0] for path in self._below(folder, at))
            return sorted(dict.fromkeys(below))

        return self._listing(start, at, listed)

    def matching(self, pattern: str, at: int | None = None) -> list[str]:
        """The paths of the files that match, sorted."""
        at, wanted = self.known(at), glob(pattern)
        return self._listing(
            pattern, at, lambda: [path for path in self._below("/", at) if wanted.fullmatch(path)]
        )

    def _listing(self, what: str, at: int, make: Callable[[], list[str]]) -> list[str]:
        """Readers ask for one entry after the other: a list is made once, while that goes on."""
        if (what, at) not in self._listings:
            if len(self._listings) >= 8:
                del self._listings[next(iter(self._listings))]
            self._listings[what, at] = make()
        return self._listings[what, at]

    def _below(self, folder: str, at: int) -> Iterator[str]:
        start = folder.rstrip("/") + "/"
        for place in range(bisect_right(self._paths, start), len(self._paths)):
            path = self._paths[place]
            if not path.startswith(start):
                return
            if self._files[path].at(at)[1] != MISSING:
                yield path

    def since(self, revision: int) -> Iterator[FileEvent]:
        """The changes from ``revision`` on. Raises ``RequestRefused`` for what is forgotten."""
        first = max(1, self.known(revision))
        return (self._log[at] for at in range(first, self.revision + 1))

    def forget(self, up_to: int) -> None:
        """End the history: no revision up to ``up_to`` is known any more."""
        for revision in range(self.head, min(up_to, self.revision) + 1):
            event = self._log.pop(revision, None)
            path = NOP if event is None else event.path
            versions = self._files.get(path)
            if versions is not None and versions.forget(up_to + 1):
                del self._files[path]
                self._paths.pop(bisect_right(self._paths, path) - 1)
        self.head = max(self.head, min(up_to, self.revision) + 1)

    def restore(self, events: Iterator[FileEvent]) -> None:
        """Take in what an earlier store told: all but its history."""
        for event in events:
            self.revision = event.revision - 1
            self._apply(event.path, event.value)
        self.forget(self.revision)
