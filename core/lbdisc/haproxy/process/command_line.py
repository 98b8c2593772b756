"""Which configuration files a HAProxy runs: its command line, seen from the outside.

HAProxy's master says its process id, and ``/proc`` what it was started with. Where that cannot be
read, or is that of another process (HAProxy in a container has process ids of its own), nothing is
known: then nothing is said, and nothing is held against anybody.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lbdisc.haproxy.binds import unix_path

SUFFIX = ".cfg"  # what HAProxy reads of a folder (management guide 3, "-f")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file or folder: ``name`` is what that HAProxy calls it, ``here`` is how we get at it."""

    name: Path
    here: Path

    def is_at(self, path: Path) -> bool:
        """Whether a file that is renamed to ``path`` will be this one.

        A link at ``path`` is replaced then, so that it leads here no more.
        """
        with suppress(OSError):
            if self.here.name == path.name and self.here.parent.samefile(path.parent):
                return True
        with suppress(OSError):
            return self.here.samefile(path) and not path.is_symlink()
        return False


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What a process that we may see was started with."""

    pid: int
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, pid: int) -> "CommandLine | None":
        """That of ``pid``; ``None`` where it is not to be seen."""
        try:
            words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="surrogateescape")
        except OSError:
            return None
        return cls(pid, tuple(words.rstrip("\0").split("\0")))

    def found(self, written: str) -> RunFile | None:
        """What this process means by ``written``; ``None`` where that cannot be known."""
        folder = PROC / str(self.pid)
        path = Path(written)
        try:
            if not path.is_absolute():
                return RunFile((folder / "cwd").readlink() / path, folder / "cwd" / path)
            (folder / "root").readlink()
        except OSError:  # another user's: its files have our names, unless it is in a container
            alike = path.is_absolute() and not self._has_ids_of_its_own
            return RunFile(path, path) if alike else None
        return RunFile(path, folder / "root" / path.relative_to("/"))

    @property
    def _has_ids_of_its_own(self) -> bool:
        with suppress(OSError):
            text = (PROC / str(self.pid) / "status").read_text(errors="replace")
            return any(
                line.startswith("NSpid:") and len(line.split()) > 2 for line in text.split("\n")
            )
        return True

    def options(self, letter: str) -> Iterator[str]:
        """The values of every option ``letter``; those behind ``--`` are none."""
        words = self.arguments
        end = words.index("--") if "--" in words else len(words)
        return (value for word, value in pairwise(words[:end]) if word == letter)

    @property
    def rest(self) -> tuple[str, ...]:
        """What stands behind ``--``."""
        words = self.arguments
        return words[words.index("--") + 1 :] if "--" in words else ()


@dataclass(frozen=True, slots=True)
class Files:
    """``files`` in the order that HAProxy reads them in, ``folders`` that some of them are from.

    ``given`` are the files and folders as the command line has them.
    """

    files: tuple[RunFile, ...]
    folders: tuple[RunFile, ...] = ()
    given: tuple[RunFile, ...] = ()

    def hold(self, config: Path) -> bool:
        """Whether ``config`` is one of them, or will be once it is there."""
        if any(file.is_at(config) for file in self.files):
            return True
        return is_read(config.name) and self.folder_of(config) is not None

    def beside(self, config: Path) -> tuple[Path, ...]:
        """The others, by the names that HAProxy knows them by."""
        return tuple(file.name for file in self.files if not file.is_at(config))

    def folder_of(self, config: Path) -> RunFile | None:
        """The folder that ``config`` is in, if HAProxy was given it."""
        return next((folder for folder in self.folders if folder.is_at(config.parent)), None)


def is_read(name: str) -> bool:
    """Whether HAProxy reads a file of this name in a folder that it was given."""
    return name.endswith(SUFFIX) and not name.startswith(".")


def files_of(pid: int, master_socket: str) -> Files | None:
    """What the master ``pid`` that serves at ``master_socket`` runs; ``None`` where unknown."""
    process = CommandLine.of(pid)
    return files_in(process) if process and _serves(process, master_socket) else None


def _serves(process: CommandLine, master_socket: str) -> bool:
    """Whether it is that HAProxy at all: the id may be another process's here."""
    ours = unix_path(master_socket)
    for option in process.options("-S"):
        written = option.split(",")[0]
        if not ours:
            return written.rpartition(":")[2] == master_socket.rpartition(":")[2]
        found = process.found(unix_path(written) or written)
        if found is not None and found.is_at(Path(ours)):
            return True
    return False


def files_in(process: CommandLine) -> Files | None:
    """The files of its ``-f`` and behind ``--``, folders read; ``None`` if one is unknown."""
    files: list[RunFile] = []
    folders: list[RunFile] = []
    given: list[RunFile] = []
    for written in (*process.options("-f"), *process.rest):
        found = process.found(written)
        if found is None:
            return None
        given.append(found)
        if is_folder(found.here):
            folders.append(found)
            files += read_in(found)
        else:
            files.append(found)
    return Files(tuple(files), tuple(folders), tuple(given)) if given else None


def is_folder(path: Path) -> bool:
    """Whether it is one, as far as it may be seen."""
    with suppress(PermissionError):
        return path.is_dir()
    return False


def read_in(folder: RunFile) -> Sequence[RunFile]:
    """The files that HAProxy reads of it, in its order: by the bytes of their names."""
    with suppress(OSError):
        names = sorted(
            (path.name for path in folder.here.iterdir() if path.is_file()), key=os.fsencode
        )
        return [RunFile(folder.name / n, folder.here / n) for n in names if is_read(n)]
    return ()
