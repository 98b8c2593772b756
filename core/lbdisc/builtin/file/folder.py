"""A node folder as it was last seen: only what changed on disk is read again."""

import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lbdisc.builtin.file import entry as file_entry
from lbdisc.builtin.file.entry import FileEntry, Signature, Touched
from lbdisc.builtin.file.links import is_alias
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.errors import EntryError
from lbdisc.reading import read_entry, why
from lbdisc.values import Endpoint, Problem, Snapshot, check_service

INFINITE = float("inf")
Key = tuple[str, str]
Identity = tuple[int, int]  # device and inode: a folder that was replaced is another one


@dataclass(slots=True)
class _Seen:
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


class Folder:
    """The files of ``DIR`` and of the service folders in it; or of that of ``only`` one service.

    ``scan`` looks at all names and ``look`` at one. Raises ``OSError`` where ``DIR`` itself cannot
    be listed.
    """

    def __init__(self, settings: FileSettings, only: str = "") -> None:
        self._settings = settings
        self._only = only
        self._root = settings.dir
        self._files: dict[str, _Seen] = {}
        self.next_end = INFINITE
        self._folder_problems: dict[Path, Problem] = {}
        self._root_identity: Identity | None = None
        self._left: set[Key] = set()
        self._holders: Counter[Key] = Counter()
        self._base: Snapshot | None = None
        self._touched: dict[str, _Seen | None] = {}
        self.reads = 0

    def folders(self) -> dict[Path, Identity]:
        """``DIR`` and its service folders, as they are on disk now."""
        root = self._root.stat()
        found = {self._root: (root.st_dev, root.st_ino)}
        self._folder_problems.clear()
        with os.scandir(self._root) as names:
            folders = [name.name for name in names if self._is_wanted(name)]
        for name in folders:
            path = self._root / name
            identity = read_entry(str(path), partial(_service_folder, path))
            if isinstance(identity, Problem):
                self._folder_problems[path] = identity
            elif identity is not None:
                found[path] = identity
        return found

    def scan(self) -> dict[Path, Identity]:
        """Look at everything; returns the folders that were looked at."""
        folders = self.folders()
        same = self._root_identity in (None, folders[self._root])
        self._root_identity = folders[self._root]
        present: set[str] = set()
        unreadable: set[str] = set()
        for folder in folders:
            try:
                present.update(self._look_into(folder))
            except OSError as error:
                if folder == self._root:
                    raise
                if folder.exists():
                    unreadable.add(str(folder))
                    self._folder_problems[folder] = Problem(str(folder), why(error))
        for path in [path for path in self._files if path not in present]:
            if path.rpartition("/")[0] not in unreadable:
                self._forget(path, clean=same)
        return folders

    def _look_into(self, folder: Path) -> list[str]:
        """Look at the files of ``folder``; returns their paths."""
        if not self._is_asked_for(folder):
            return []
        with os.scandir(folder) as names:
            files = [
                name
                for name in names
                if not file_entry.passed_over(name.name)
                and (folder != self._root or not _is_folder(name))
            ]
        for file in files:
            self._check(file.path, file.stat)
        return [file.path for file in files]

    def _service(self, folder: Path) -> str:
        return self._settings.service if folder == self._root else folder.name

    def _is_wanted(self, name: "os.DirEntry[str]") -> bool:
        return self._only in ("", name.name) and _is_folder(name)

    def _is_asked_for(self, folder: Path) -> bool:
        return not self._only or self._service(folder) == self._only

    def is_folder(self, path: Path) -> bool:
        """Whether ``path`` is, or was, ``DIR`` or a service's folder rather than a file."""
        if path.parent != self._root:
            return path == self._root
        if self._only:
            return path.name == self._only
        return str(path) not in self._files and not path.is_file()

    def look(self, path: Path) -> bool:
        """Read ``path`` again if it changed; returns whether that may change what is published."""
        if not self._is_asked_for(path.parent):
            return False
        return self._check(str(path), path.stat)

    def _check(self, path: str, stat: Callable[[], os.stat_result]) -> bool:
        seen = self._files.get(path)
        try:
            found = stat()
        except (FileNotFoundError, NotADirectoryError):
            return self._forget(path, clean=True)
        except OSError as error:
            self._keep(path, _flawed(seen, None, why(error)))
        else:
            if seen is not None and seen.signature == file_entry.signature(found):
                return False
            self._keep(path, self._read(Path(path), seen, found))
        return seen is None or _differs(seen, self._files[path])

    def _keep(self, path: str, new: _Seen | None) -> None:
        """Take in what is now known of a file, ``None`` for one that is gone."""
        old = self._files.get(path)
        self._touched.setdefault(path, old)
        for seen, step in ((old, -1), (new, 1)):
            if seen is not None and seen.entry is not None:
                self._holders[seen.entry.endpoint.key] += step
        if new is None:
            self._files.pop(path, None)
        else:
            self._files[path] = new

    def _read(self, path: Path, seen: _Seen | None, found: os.stat_result) -> _Seen:
        self.reads += 1
        said = read_entry(str(path), partial(self._entry, path))
        if said is None:  # gone between the two looks: the next one will tell
            return seen or _Seen(None, None)
        if isinstance(said, Problem):
            return _flawed(seen, file_entry.signature(found), said.what)
        entry, state = said
        touched = Touched.found(state, seen.touched if seen else None)
        return _Seen(file_entry.signature(state), entry, touched)

    def _entry(self, path: Path) -> tuple[FileEntry, os.stat_result] | None:
        service = self._service(path.parent)
        with suppress(FileNotFoundError):
            return file_entry.read(path, root=self._root, service=service, port=self._settings.port)
        return None

    def _forget(self, path: str, *, clean: bool) -> bool:
        seen = self._files.get(path)
        if seen is None:
            return False
        self._keep(path, None)
        # A registrar tells of its end before it removes its file: gone without that, it was lost.
        entry = seen.entry
        if clean and entry is not None and not entry.owner and seen.ends > time.monotonic():
            self._left.add(entry.endpoint.key)
        return True

    def take_left(self) -> set[Key]:
        """The keys of the endpoints whose files were removed since this was last asked."""
        left, self._left = self._left, set()
        return left

    def snapshot(self, looked: float | None = None) -> Snapshot:
        """What the files said when they were ``looked`` at, on the monotonic clock; now if unset.

        ``next_end`` is then when the next lease may end.
        """
        now = time.monotonic() if looked is None else looked
        touched, self._touched = self._touched, {}
        snapshot = self._patched(touched, now) if len(touched) < len(self._files) else None
        if snapshot is None:
            self._holders += Counter()  # forgets the keys that nobody holds
            snapshot = self._whole(now)
        # With a problem anywhere, everything is looked at again.
        self._base = None if snapshot.problems else snapshot
        return snapshot

    def _patched(self, touched: dict[str, _Seen | None], now: float) -> Snapshot | None:
        """The last snapshot and what was touched since; ``None`` where that is not all there is."""
        if self._base is None or self._folder_problems or self.next_end <= now:
            return None
        put: list[Endpoint] = []
        gone: list[Key] = []
        for path, old in touched.items():
            new = self._files.get(path)
            if new is not None and new.problem:
                return None
            for seen in (old, new):
                if seen and seen.entry and self._holders[seen.entry.endpoint.key] > 1:
                    return None
            if old is not None and old.entry is not None:
                gone.append(old.entry.endpoint.key)
            if new is not None and new.entry is not None and new.ends > now:
                put.append(new.entry.endpoint)
                self.next_end = min(self.next_end, new.ends)
        return self._base.patched(put, gone)

    def _whole(self, now: float) -> Snapshot:
        self.next_end = INFINITE
        files: dict[Key, tuple[str, Endpoint]] = {}
        problems = list(self._folder_problems.values())
        for path, seen in self._files.items():
            if seen.problem:
                problems.append(Problem(path, seen.problem))
            if seen.entry is None or seen.ends <= now:
                continue
            self.next_end = min(self.next_end, seen.ends)
            endpoint = seen.entry.endpoint
            first = files.setdefault(endpoint.key, (path, endpoint))
            if first[0] != path:
                keep, other = sorted([first, (path, endpoint)])
                files[endpoint.key] = keep
                what = f"a second file for {endpoint.service}/{endpoint.name}: remove one"
                problems.append(Problem(other[0], what))
        # Sorted by their keys first: to compare ten thousand endpoints takes its time.
        return Snapshot.of((files[key][1] for key in sorted(files)), problems)


def _service_folder(path: Path) -> Identity | None:
    """``None`` for one that is gone between two looks."""
    if is_alias(path, path.parent):
        raise EntryError("a link to a folder: the folder of a service is none, remove it")
    check_service(path.name)
    with suppress(FileNotFoundError):
        state = path.stat()
        return state.st_dev, state.st_ino
    return None


def _flawed(seen: _Seen | None, state: Signature | None, what: str) -> _Seen:
    """Half of a file or rubbish in it is no reason to drop a node that was good."""
    if seen is None:
        return _Seen(state, None, problem=what)
    return _Seen(state, seen.entry, seen.touched, what)


def _differs(one: _Seen, other: _Seen) -> bool:
    """Whether what is published may differ: a lease that was only renewed changes nothing."""
    now = time.monotonic()
    alive = (one.ends > now, other.ends > now)
    return (
        (one.entry, one.problem) != (other.entry, other.problem)
        or alive[0] != alive[1]
        or other.ends < one.ends
    )


def _is_folder(name: "os.DirEntry[str]") -> bool:
    try:
        return name.is_dir() and not file_entry.passed_over(name.name)
    except OSError:
        return False
