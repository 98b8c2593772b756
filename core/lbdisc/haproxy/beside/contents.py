"""What is in files, as digests: looked at cheaply, read only when something about them changed."""

import fcntl
import os
import signal
import stat
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import file_digest
from pathlib import Path

ABSENT = ""
UNREAD = "stat "  # what a digest begins with where the file may not be read
SETTLE = 0.4  # seconds that a file is to be left alone before it is taken
PATIENCE = 10.0  # seconds after which one that is still open for writing is taken
MAX_LINKS = 40  # on the way to a file, as the kernel has it
Contents = Mapping[Path, str]
_Signature = tuple[int, ...]


class Digests:
    """The digests of files, and since when each is left alone."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Signature, str]] = {}
        self._changed: dict[Path, float] = {}

    def of(self, paths: Iterable[Path]) -> dict[Path, str]:
        """What each of ``paths`` holds now."""
        found = {path: self._digest(path) for path in paths}
        for path in self._known.keys() - found.keys():
            del self._known[path]
            self._changed.pop(path, None)
        return found

    def restless(self, paths: Iterable[Path]) -> float:
        """Seconds until all of ``paths``, as they were at the last look, have been left alone."""
        now = time.monotonic()
        return max((self._left(path, now) for path in paths), default=0.0)

    def _left(self, path: Path, now: float) -> float:
        changed = self._changed.get(path)
        if changed is None:
            return 0.0
        if changed + SETTLE > now:
            return changed + SETTLE - now
        if changed + PATIENCE > now and is_being_written(path):
            return SETTLE
        del self._changed[path]
        return 0.0

    def _digest(self, path: Path) -> str:
        try:
            state = path.stat()
        except OSError:
            return self._keep(path, (), ABSENT)
        if not stat.S_ISREG(state.st_mode):
            return self._keep(path, (state.st_mode,), f"{UNREAD}no file")
        times = (state.st_mtime_ns, state.st_ctime_ns)
        signature = (state.st_dev, state.st_ino, state.st_size, *times)
        known = self._known.get(path)
        if known is not None and known[0] == signature:
            return known[1]
        try:
            with path.open("rb") as file:
                digest = file_digest(file, "sha256").hexdigest()[:32]
        except OSError:  # only somebody else may read it
            digest = f"{UNREAD}{state.st_ino} {state.st_size} {state.st_mtime_ns}"
        return self._keep(path, signature, digest, recent=_is_recent(state))

    def _keep(self, path: Path, signature: _Signature, digest: str, *, recent: bool = False) -> str:
        known = self._known.get(path)
        if known is None or known[0] != signature:
            if recent or (known is not None and known[1] != digest):
                self._changed[path] = time.monotonic()
            self._known[path] = signature, digest
        return digest


def _is_recent(state: os.stat_result) -> bool:
    return abs(time.time() - max(state.st_mtime, state.st_ctime)) < SETTLE


def is_being_written(path: Path) -> bool:
    """Whether some process has it open for writing, as far as that can be known."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            # Who opens it meanwhile would have us told by SIGIO, which ends a process.
            fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


def folders_of(paths: Iterable[Path]) -> frozenset[Path]:
    """The folders in which a change may make one of ``paths`` another file.

    That of the file itself, and those of the links on the way to it.
    """
    walk = _Walk()
    for path in paths:
        walk.found.add(walk.real(path, 0).parent)
        walk.found.add(walk.real(path.parent, 0))
    return frozenset(walk.found)


class _Walk:
    """``found`` are the folders of all links that were met."""

    def __init__(self) -> None:
        self.found: set[Path] = set()
        self._known: dict[Path, Path] = {}

    def real(self, path: Path, depth: int) -> Path:
        """``path`` without links, as far as they lead."""
        if path in self._known or path.parent == path or depth > MAX_LINKS:
            return self._known.get(path, path)
        folder = self.real(path.parent, depth)
        found = folder / path.name
        try:
            target = found.readlink()
        except OSError:
            pass
        else:
            self.found.add(folder)
            found = self.real(Path(os.path.normpath(folder / target)), depth + 1)
        self._known[path] = found
        return found
