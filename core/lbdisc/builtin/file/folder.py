"""A node folder as it was last seen: only what changed on disk is read again."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from lbdisc.builtin.file import entry as file_entry
from lbdisc.builtin.file.claims import Key
from lbdisc.builtin.file.entry import FileEntry, Signature, Touched
from lbdisc.builtin.file.links import is_alias, is_file, is_folder
from lbdisc.builtin.file.listing import Listing, SeenFile
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.errors import EntryError
from lbdisc.reading import read_entry, why
from lbdisc.values import Problem, Snapshot, check_service

Identity = tuple[int, int]  # device and inode: a folder that was replaced is another one


class Folder:
    """The files of ``DIR`` and of the service folders in it; or of that of ``only`` one service.

    ``scan`` looks at all names, ``look_into`` at those of one folder, and ``look`` at one. ``scan``
    raises ``OSError`` where ``DIR`` itself cannot be listed.
    """

    def __init__(self, settings: FileSettings, only: str = "") -> None:
        self._settings = settings
        self._only = only
        self._root = settings.dir
        self.listing = Listing()
        self._bad_folders: set[str] = set()
        self._root_identity: Identity | None = None
        self._left: set[Key] = set()
        self.reads = 0

    def folders(self) -> dict[Path, Identity]:
        """``DIR`` and its service folders, as they are on disk now."""
        root = self._root.stat()
        found = {self._root: (root.st_dev, root.st_ino)}
        with os.scandir(self._root) as names:
            folders = [self._root / name.name for name in names if self._is_wanted(name)]
        for gone in self._bad_folders - {str(path) for path in folders}:
            self._forgive(gone)
        for path in folders:
            if (identity := self.identify(path)) is not None:
                found[path] = identity
        return found

    def identify(self, path: Path) -> Identity | None:
        """Which folder of a service is at ``path``, if there is one."""
        if self._only not in ("", path.name) or not is_folder(path) or _is_passed_over(path):
            self._forgive(str(path))
            return None
        found = read_entry(str(path), partial(_service_folder, path))
        if isinstance(found, Problem):
            self._complain(str(path), found)
            return None
        self._forgive(str(path))
        return found

    def _complain(self, path: str, problem: Problem) -> None:
        self._bad_folders.add(path)
        self.listing.complain(path, problem)

    def _forgive(self, path: str) -> None:
        if path in self._bad_folders:
            self._bad_folders.discard(path)
            self.listing.forgive(path)

    def scan(self) -> dict[Path, Identity]:
        """Look at everything; returns the folders that were looked at."""
        folders = self.folders()
        same = self._root_identity in (None, folders[self._root])
        self._root_identity = folders[self._root]
        for folder in folders:
            self.look_into(folder, clean=same)
        for known in self.listing.folders:
            if Path(known) not in folders:
                self._forget_all(known, clean=same)
        return folders

    def look_into(self, folder: Path, *, clean: bool = True) -> None:
        """Look at all files of ``folder``, which may be gone; what is gone left ``clean`` or not.

        Raises ``OSError`` where ``DIR`` itself cannot be listed.
        """
        present: set[str] = set()
        try:
            if self._is_asked_for(folder):
                present = self._listed(folder)
        except OSError as error:
            if folder == self._root:
                raise
            if is_folder(folder):
                self._complain(str(folder), Problem(str(folder), why(error)))
                return
        self._forget_all(str(folder), besides=present, clean=clean)

    def _listed(self, folder: Path) -> set[str]:
        """Look at the files of ``folder``; returns their paths."""
        with os.scandir(folder) as names:
            files = [
                name
                for name in names
                if not file_entry.passed_over(name.name)
                and (folder != self._root or not _is_folder(name))
            ]
        for file in files:
            self._check(file.path, file.stat)
        return {file.path for file in files}

    def _forget_all(self, folder: str, besides: "set[str] | None" = None, *, clean: bool) -> None:
        for path in self.listing.inside(folder):
            if path not in (besides or ()):
                self._forget(path, clean=clean)

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
        return self.listing.get(str(path)) is None and not is_file(path)

    def look(self, path: Path) -> bool:
        """Read ``path`` again if it changed; returns whether that may change what is published."""
        if not self._is_asked_for(path.parent):
            return False
        return self._check(str(path), path.stat)

    def look_at_ended(self, now: float) -> None:
        """Look at the files whose leases seem to have ended: they may have been renewed."""
        for path in self.listing.over(now):
            self.look(Path(path))

    def _check(self, path: str, stat: Callable[[], os.stat_result]) -> bool:
        seen = self.listing.get(path)
        try:
            found = stat()
        except (FileNotFoundError, NotADirectoryError):
            return self._forget(path, clean=True)
        except OSError as error:
            new = _flawed(seen, None, why(error))
        else:
            if seen is not None and seen.signature == file_entry.signature(found):
                return False
            new = self._read(Path(path), seen, found)
        self.listing.keep(path, new)
        return seen is None or _differs(seen, new)

    def _read(self, path: Path, seen: SeenFile | None, found: os.stat_result) -> SeenFile:
        self.reads += 1
        said = read_entry(str(path), partial(self._entry, path))
        if said is None:  # gone between the two looks: the next one will tell
            return seen or SeenFile(None, None)
        if isinstance(said, Problem):
            return _flawed(seen, file_entry.signature(found), said.what)
        entry, state = said
        touched = Touched.found(state, seen.touched if seen else None)
        return SeenFile(file_entry.signature(state), entry, touched)

    def _entry(self, path: Path) -> tuple[FileEntry, os.stat_result] | None:
        service = self._service(path.parent)
        with suppress(FileNotFoundError):
            return file_entry.read(path, root=self._root, service=service, port=self._settings.port)
        return None

    def _forget(self, path: str, *, clean: bool) -> bool:
        seen = self.listing.get(path)
        if seen is None:
            return False
        self.listing.keep(path, None)
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
        """What the files said when they were ``looked`` at, on the monotonic clock, or say now."""
        return self.listing.snapshot(time.monotonic() if looked is None else looked)


def _service_folder(path: Path) -> Identity | None:
    """``None`` for one that is gone between two looks."""
    if is_alias(path, path.parent):
        raise EntryError("a link to a folder: the folder of a service is none, remove it")
    check_service(path.name)
    with suppress(FileNotFoundError):
        state = path.stat()
        return state.st_dev, state.st_ino
    return None


def _flawed(seen: SeenFile | None, state: Signature | None, what: str) -> SeenFile:
    """Half of a file or rubbish in it is no reason to drop a node that was good."""
    if seen is None:
        return SeenFile(state, None, problem=what)
    return SeenFile(state, seen.entry, seen.touched, what)


def _differs(one: SeenFile, other: SeenFile) -> bool:
    """Whether what is published may differ: a lease that was only renewed changes nothing."""
    now = time.monotonic()
    alive = (one.ends > now, other.ends > now)
    return (
        (one.entry, one.problem) != (other.entry, other.problem)
        or alive[0] != alive[1]
        or other.ends < one.ends
    )


def _is_passed_over(path: Path) -> bool:
    return file_entry.passed_over(path.name)


def _is_folder(name: "os.DirEntry[str]") -> bool:
    try:
        return name.is_dir() and not file_entry.passed_over(name.name)
    except OSError:
        return False
