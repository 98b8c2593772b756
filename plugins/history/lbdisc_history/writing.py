"""Writing a journal: lines are added, full files closed, and the oldest dropped."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from lbdisc import atomic, own_files
from lbdisc.errors import LbdiscError
from lbdisc_history.lines import Entry, opened, sealed
from lbdisc_history.segments import (
    Segment,
    digests_in,
    good_part,
    named_texts,
    segment,
    segments,
)
from lbdisc_history.texts import TextFolder, synced

PARTS = 16  # of the whole, each a file with its texts: the oldest of them is dropped at a time
LARGEST_PART = 32_000_000  # bytes: in each is one list of all endpoints, which readers look for
LARGEST = 4_000_000  # bytes of a line
_PRIVATE = 0o600


class JournalWriter:
    """The one writer of the journal in ``folder``, which takes ``most`` bytes at most.

    Whenever its process is killed, all lines but one that was being written are there. Raises
    ``LbdiscError`` where another writes in ``folder``, ``OSError`` as files do; a line that could
    not be written as a whole is not there, and the next may be tried at any time.
    """

    def __init__(self, folder: Path, *, most: int) -> None:
        self.folder = folder
        self.texts = TextFolder(folder / "texts")
        self.cut = 0  # bytes of a line that a killed writer left half done
        self._most = most
        self._part = min(most // PARTS, LARGEST_PART)
        self._unsynced = self._is_new = False  # what may not be on disk
        self._file: int | None = None
        self._lock: int | None = self._locked()
        try:
            self._go_on()
        except BaseException:
            self.close()
            raise

    def _locked(self) -> int:
        own_files.make_folder(self.folder, 0o700)
        lock = own_files.opened(self.folder / ".lock", os.O_RDWR | os.O_CREAT, _PRIVATE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise LbdiscError(
                f"another agent keeps its history in {self.folder}: set another history.folder"
            ) from error
        return lock

    def _go_on(self) -> None:
        """After the last whole line that is there."""
        here = segments(self.folder)
        self._segment = here[-1] if here else segment(self.folder, 1)
        self.next, self._is_new = self._segment.first, not here
        self._named: set[str] = set()
        if here:
            size, last = good_part(self._segment.path)
            self.cut = self._segment.path.stat().st_size - size
            self.next = max(self.next, last + 1)
            self._named = digests_in(self._segment.path)
        self._open()
        self._weight = self._size
        self._sweep()
        self.prune()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._file = own_files.opened(self._segment.path, flags, _PRIVATE)
        self._size = os.fstat(self._file).st_size
        if self.cut:
            self._size -= self.cut
            os.ftruncate(self._file, self._size)

    @property
    def file(self) -> int:
        """The first number of the file that is written."""
        return self._segment.first

    def keep(self, text: str) -> str:
        """Keep ``text`` for the entry that names it next; its digest, ``""`` if it is too large."""
        digest, taken = self.texts.put(text, most=self._most // 4)
        self._weight += taken
        if digest:
            self._named.add(digest)
        return digest

    def append(self, entry: Entry) -> None:
        """Add ``entry`` under the next number. Of one that is too large only the head is kept."""
        numbered = {"schema": 1, "seq": self.next, **entry}
        line = sealed(numbered)
        if len(line) > min(LARGEST, self._part):
            line = sealed(_head(numbered))
        self._write(line)
        self.next += 1
        self._weight += len(line)
        if self._weight >= self._part:
            with suppress(OSError):  # the entry is there; the next one tries again
                self.rotate()

    def _write(self, line: bytes) -> None:
        file = self._ready()
        try:
            written = os.write(file, line)
            while written < len(line):
                written += os.write(file, line[written:])
        except OSError:
            with suppress(OSError):  # else the next line, or the next start, cuts it
                os.ftruncate(file, self._size)
            raise
        self._size += len(line)
        self._unsynced = True

    def _ready(self) -> int:
        """The file to write to, without a half line at its end."""
        if self._file is None:
            self._open()
        assert self._file is not None
        found = os.fstat(self._file)
        if found.st_nlink == 0:  # somebody has cleared the folder
            self._begin()
        elif found.st_size != self._size:
            os.ftruncate(self._file, self._size)
        return self._file

    def sync(self) -> None:
        """Wait until all that was added is on disk, as far as it is not. Raises ``OSError``."""
        if self._file is None or not self._unsynced:
            return
        self.texts.sync()
        os.fdatasync(self._file)
        if self._is_new:
            synced(self.folder)
        self._unsynced = self._is_new = False

    def rotate(self) -> None:
        """Go on in another file. Raises ``OSError``; then it goes on in this one."""
        if not self._size:
            return
        self.sync()
        text = "".join(f"{digest}\n" for digest in sorted(self._named))
        atomic.write(self._segment.texts_file, text, mode=_PRIVATE)
        self._begin()
        self.prune()

    def rotate_if_older(self, unix_s: float) -> None:
        """Go on in another file if the first entry of this one is from before that time."""
        if _first_time(self._segment.path) < unix_s:
            self.rotate()

    def _begin(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file, self.cut, self._is_new = None, 0, True
        own_files.make_folder(self.folder, 0o700)
        self._segment = segment(self.folder, self.next)
        self._named, self._weight = set(), 0
        self._open()

    def prune(self, *, older_than: float | None = None) -> None:
        """Drop the oldest beyond the size, and those not written to since that unix time."""
        here = [part for part in segments(self.folder) if part != self._segment]
        sizes = {part: part.path.stat() for part in here}
        taken = sum(size.st_size for size in sizes.values()) + self._size
        texts = self.texts.sizes()
        taken += sum(texts.values())
        kept = list(here)
        while kept:
            oldest = kept[0]
            is_old = older_than is not None and sizes[oldest].st_mtime < older_than
            if not is_old and taken <= self._most:
                break
            kept.pop(0)
            taken -= sizes[oldest].st_size + self._drop(oldest, kept, texts)

    def _drop(self, oldest: Segment, kept: list[Segment], texts: dict[str, int]) -> int:
        """Remove ``oldest`` and the texts that only it named; how many bytes these had."""
        only = named_texts(oldest) - self._named
        for part in kept:
            only -= named_texts(part)
        oldest.path.unlink(missing_ok=True)
        oldest.texts_file.unlink(missing_ok=True)
        for digest in only:
            self.texts.drop(digest)
        return sum(texts.get(digest, 0) for digest in only)

    def _sweep(self) -> None:
        """Forget texts that no entry names, as a killed writer may leave them."""
        named = set(self._named)
        for part in segments(self.folder):
            named |= named_texts(part)
        self.texts.drop_all_but(named)

    def close(self) -> None:
        with suppress(OSError):  # what is not on disk now may be there later
            self.sync()
        for descriptor in (self._file, self._lock):
            if descriptor is not None:
                os.close(descriptor)
        self._file = self._lock = None


def _first_time(path: Path) -> float:
    """When the first entry was written, in unix seconds; without end where there is none."""
    with os.fdopen(own_files.opened(path, os.O_RDONLY), "rb") as file:
        entry = opened(file.readline()) or {}
    return float(entry.get("unix_s", "inf"))


def _head(entry: Entry) -> Entry:
    """``entry`` with the counts of its lists in place of them."""
    short = {key: len(value) if isinstance(value, list) else value for key, value in entry.items()}
    return {**short, "cut": True}
