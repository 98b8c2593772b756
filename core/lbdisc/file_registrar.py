"""Registrar ``file``: keeps one file in a node folder, and takes it away at the end."""

import json
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event

import structlog

from lbdisc import file_entry, files, records
from lbdisc.errors import EntryError, RegistrarError
from lbdisc.file_entry import SUFFIX, FileEntry, Signature
from lbdisc.file_settings import FileSettings
from lbdisc.values import Endpoint

log = structlog.get_logger("lbdisc.file")
POLL = 0.1  # seconds between two looks at the endpoint and its file
REFRESHES = 3  # renewals in the life of a lease: two may be late or lost


class FileRegistrar:
    """Holds ``DIR/SERVICE/NAME.json``; see ``lbdisc.hooks.Registrar``.

    The file belongs to the owner it names as long as its lease lives: another registrar of the same
    name waits, and takes over when the lease ends. A file without an owner or a lease, as written
    by hand, is never overwritten.
    """

    def __init__(self, settings: FileSettings) -> None:
        self._settings = settings
        self._owner = secrets.token_hex(8)
        self._waiting = False
        self._lease: tuple[Signature, float] | None = None

    def hold(self, endpoint: Callable[[], Endpoint], stop: Event) -> None:
        """Raises ``RegistrarError`` where the folder is missing or cannot be written."""
        current = endpoint()
        path = self._path(current)
        try:
            while not stop.is_set():
                held = self._keep(path, current)
                stop.wait(POLL)
                # Reading on says that the last one is published.
                current = endpoint() if held else current
            self._leave(path, current)
        except OSError as error:
            raise self._explained(error, path) from error

    def _path(self, endpoint: Endpoint) -> Path:
        return self._settings.dir / endpoint.service / (endpoint.name + SUFFIX)

    def _keep(self, path: Path, endpoint: Endpoint) -> bool:
        """One look: write, renew or wait; returns whether the file holds ``endpoint``."""
        found = self._read(path, endpoint.service)
        if found is None:
            return self._write(path, endpoint)
        entry, state = found
        if entry.owner != self._owner and self._alive(entry, state):
            self._say_waiting(path, entry)
            return False
        if entry != self._entry(endpoint):
            return self._write(path, endpoint)
        if time.time() - state.st_mtime > self._settings.ttl / REFRESHES or (
            state.st_mtime > time.time() + 1  # the clock was set back
        ):
            os.utime(path)
        return True

    def _read(self, path: Path, service: str) -> tuple[FileEntry, os.stat_result] | None:
        """What the file says; ``None`` for one that is missing or says nothing that is valid."""
        try:
            return file_entry.read(path, service=service, port=self._settings.port)
        except (EntryError, FileNotFoundError):
            return None

    def _alive(self, entry: FileEntry, state: os.stat_result) -> bool:
        """Whether the lease of another's file still runs, by the clock that no one sets."""
        signature = file_entry.signature(state)
        if self._lease is None or self._lease[0] != signature:
            self._lease = signature, file_entry.lease_end(state, entry.ttl)
        return self._lease[1] > time.monotonic()

    def _say_waiting(self, path: Path, entry: FileEntry) -> None:
        if not self._waiting:
            self._waiting = True
            log.warning(
                "another holds this name: waiting for its lease to end",
                file=str(path),
                owner=entry.owner or "none: written by hand, remove the file or use another name",
            )

    def _entry(self, endpoint: Endpoint) -> FileEntry:
        return FileEntry(endpoint=endpoint, ttl=self._settings.ttl, owner=self._owner)

    def _write(self, path: Path, endpoint: Endpoint) -> bool:
        with suppress(FileExistsError):
            path.parent.mkdir(mode=0o755)
        record = records.to_object(endpoint) | {"ttl": self._settings.ttl, "owner": self._owner}
        text = json.dumps(record, separators=(",", ":")) + "\n"
        if not path.exists():
            return self._claim(path, text)
        files.write(path, text, mode=0o644)
        return self._held()

    def _claim(self, path: Path, text: str) -> bool:
        """Of two that write a new file, one wins; the other finds it at its next look."""
        with files.staged(path, text, mode=0o644) as ready:
            try:
                os.link(ready, path)
            except FileExistsError:
                return False
        return self._held()

    def _held(self) -> bool:
        if self._waiting:
            log.info("the name is free: holding it")
        self._waiting = False
        return True

    def _leave(self, path: Path, endpoint: Endpoint) -> None:
        """Tell of the end, then remove the file if it is still this registrar's."""
        found = self._read(path, endpoint.service)
        if found is None or found[0].owner != self._owner:
            return
        if not found[0].endpoint.draining:
            self._write(path, endpoint.drain())
            time.sleep(POLL)  # to readers, a registrar's file that goes untold was lost
        with suppress(FileNotFoundError):
            path.unlink()

    def _explained(self, error: OSError, path: Path) -> RegistrarError:
        folder = self._settings.dir
        if not folder.is_dir():
            return RegistrarError(f"file.dir: {folder} is no folder: make it, or name another")
        reason = error.strerror or str(error)
        return RegistrarError(f"file.dir: cannot write {path}: {reason}")
