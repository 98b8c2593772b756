"""Registrar ``file``: one file in a node folder for each entry."""

import errno
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

from lbdisc import atomic, records
from lbdisc.builtin.file import entry as file_entry
from lbdisc.builtin.file.entry import SUFFIX, FileEntry, Touched
from lbdisc.builtin.file.own_file import FILE_MODE, foreign, make_service_folder, renew
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.errors import EntryError, RegistrarError, WriteRefused
from lbdisc.values import Endpoint

SEEN = 0.1  # seconds in which readers see a file that is draining before it goes
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
REFRESHES = 3  # renewals in the life of a lease: two may be late or lost


class FileRegistrar:
    """Holds ``DIR/SERVICE/NAME.json``; see ``lbdisc.hooks.Registrar``.

    The file belongs to the owner it names as long as its lease lives: another registrar of the same
    name waits, and takes over when the lease ends. A file without an owner or a lease, as written
    by hand, is never overwritten; neither is one of another user, unless its lease has ended and
    the folder lets us. No link is followed.
    """

    def __init__(self, settings: FileSettings) -> None:
        self._settings = settings
        self._owner = secrets.token_hex(8)

    def reclaim_as(self, owner: str) -> None:
        """See ``lbdisc.abilities.Reclaims``."""
        self._owner = owner

    @contextmanager
    def open(self, endpoint: Endpoint, stop: Event) -> Iterator["_Entry"]:
        """Raises ``RegistrarError`` where the folder is missing or cannot be written."""
        path = self._settings.dir / endpoint.service / (endpoint.name + SUFFIX)
        try:
            yield _Entry(self._settings, path, self._owner)
        except OSError as error:
            raise self._explained(error, path) from error

    def _explained(self, error: OSError, path: Path) -> RegistrarError:
        folder = self._settings.dir
        if not folder.is_dir():
            return RegistrarError(f"file.dir: {folder} is no folder: make it, or name another")
        kind = WriteRefused if error.errno in REFUSED else RegistrarError
        return kind(f"file.dir: cannot write {path}: {error.strerror or error}")


class _Entry:
    """One file. A folder does not tell of a file that is gone; a look is cheap."""

    lost = None

    def __init__(self, settings: FileSettings, path: Path, owner: str) -> None:
        self._settings, self._path, self._owner = settings, path, owner
        self._touched: Touched | None = None
        self.lease = settings.ttl
        self.rival = ""

    @property
    def written_s(self) -> float | None:
        """See ``lbdisc.abilities.Dates``: whoever keeps the folder dates its files."""
        with suppress(OSError):
            return self._path.stat(follow_symlinks=False).st_mtime
        return None

    def put(self, endpoint: Endpoint) -> bool:
        """One look: write, renew or leave it to another."""
        found = self._read()
        self.rival = self._foreign(found) or (self._before_us() if found is None else "")
        if self.rival:
            return False
        if found is None:
            return self._write(endpoint)
        entry, state = found
        if entry.owner != self._owner and self._alive(entry, state):
            self.rival = f"{self._path}, " + (
                f"owner {entry.owner}" if entry.owner else "written by hand: remove it"
            )
            return False
        if entry != FileEntry(endpoint=endpoint, ttl=self.lease, owner=self._owner):
            return self._write(endpoint)
        if time.time() - state.st_mtime > self.lease / REFRESHES or (
            state.st_mtime > time.time() + 1  # the clock was set back
        ):
            renew(self._path)
        return True

    def _foreign(self, found: tuple[FileEntry, os.stat_result] | None) -> str:
        """Why the file is not ours to write, if it is not; one whose lease has ended is."""
        why = foreign(self._path)
        if not why or (found and not self._path.is_symlink() and not self._alive(*found)):
            return ""
        return f"{self._path}, {why}"

    def _before_us(self) -> str:
        """Another file that has the name already: readers would not take ours for it."""
        folder, name, service = self._path.parent, self._path.name, self._path.parent.name
        places = [folder / name.removesuffix(SUFFIX)]
        if service == self._settings.service:
            places += [self._settings.dir / place.name for place in (*places, self._path)]
        for place in places if not self._path.exists() else ():
            with suppress(EntryError, OSError):
                file_entry.read(
                    place, root=self._settings.dir, service=service, port=self._settings.port
                )
                return f"{place}, which has the name: remove it"
        return ""

    def _read(self) -> tuple[FileEntry, os.stat_result] | None:
        """What the file says; ``None`` for one that is missing or says nothing that is valid."""
        service = self._path.parent.name
        try:
            return file_entry.read(
                self._path, root=self._settings.dir, service=service, port=self._settings.port
            )
        except (EntryError, FileNotFoundError):
            return None

    def _alive(self, entry: FileEntry, state: os.stat_result) -> bool:
        """Whether the lease of another's file still runs, by the clock that no one sets."""
        self._touched = Touched.found(state, self._touched)
        return self._touched.ends(entry.ttl) > time.monotonic()

    def _write(self, endpoint: Endpoint) -> bool:
        make_service_folder(self._path.parent)
        record = records.to_object(endpoint) | {"ttl": self.lease, "owner": self._owner}
        text = json.dumps(record, separators=(",", ":")) + "\n"
        if not os.path.lexists(self._path):
            return self._claim(text)
        atomic.write(self._path, text, mode=FILE_MODE)
        return True

    def _claim(self, text: str) -> bool:
        """Of two that write a new file, one wins; the other finds it at its next look."""
        with atomic.staged(self._path, text, mode=FILE_MODE) as ready:
            try:
                os.link(ready, self._path)
            except FileExistsError:
                return False
        return True

    def remove(self) -> None:
        found = self._read()
        if found is None or found[0].owner != self._owner or foreign(self._path):
            return
        time.sleep(SEEN)  # to readers, a registrar's file that goes untold was lost
        with suppress(FileNotFoundError):
            self._path.unlink()
