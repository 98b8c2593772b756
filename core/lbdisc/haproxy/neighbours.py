"""Where the neighbours of lbdisc's file are, and what they hold now.

``haproxy.files`` names them; without it they are learned from the command line of the HAProxy that
runs, and remembered while it does not.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lbdisc.errors import SettingsError
from lbdisc.haproxy.around import Around, Neighbour
from lbdisc.haproxy.process.command_line import (
    PROC,
    RunFile,
    files_of,
    is_folder,
    is_read,
    read_in,
)

QUIET = 1.0  # seconds that a file has to be left alone, so that none is read half-written


@dataclass(frozen=True, slots=True)
class _Read:
    stamp: tuple[int, int, int]
    text: str


class Neighbours:
    """Of the file ``config``, which is named at the first chance."""

    def __init__(self, files: Sequence[str], master_socket: str) -> None:
        self._named = bool(files)
        self._given = tuple(RunFile(Path(file), Path(file)) for file in files)
        self._master_socket = master_socket
        self._last: Path | None = None
        self._read: dict[Path, _Read] = {}

    def learn(self, master: int) -> None:
        """Ask the HAProxy with the process id ``master``, if it is to be seen."""
        if self._named or not master:
            return
        if (found := files_of(master, self._master_socket)) is not None:
            self._given = tuple(map(_lasting, found.given))

    @property
    def given(self) -> tuple[str, ...]:
        """The files and folders in HAProxy's order, empty where that is not known."""
        return tuple(str(each.name) for each in self._given)

    def of(self, config: Path) -> Around:
        """What is around ``config`` now. Raises ``SettingsError`` where that is in no place."""
        before: list[RunFile] = []
        after: list[RunFile] = []
        here, found = before, False
        self._last = config
        for each in self._given:
            for file in _expanded(each):
                if not found and _is_or_precedes(config, file, each):
                    here, found = after, True
                if not file.is_at(config):
                    here.append(file)
            if not found and _will_hold(each, config):
                here, found = after, True
        if not found:
            self._refuse(config)
            return Around()
        return Around(self._neighbours(before), self._neighbours(after))

    def near(self, candidate: Path | None = None) -> Around:
        """What is around the file that was asked for last, else around the one of this name."""
        if self._last is None and candidate is not None:
            self._last = self._named_as(candidate.name)
        if self._last is not None:
            return self.of(self._last)
        files = (file for each in self._given for file in _expanded(each)) if self._named else ()
        return Around(self._neighbours(tuple(files)))

    def _named_as(self, name: str) -> Path | None:
        for each in self._given:
            if not is_folder(each.here) and each.name.name == name:
                return each.here
        folders = (each.here / name for each in self._given if is_folder(each.here))
        return next(folders, None) if is_read(name) else None

    def _refuse(self, config: Path) -> None:
        """What is learned and does not have it is told elsewhere, by the names of both."""
        if self._named:
            raise SettingsError(
                f"haproxy.files ({', '.join(self.given)}) has no place for output {config}: name"
                " it there, or a folder that it is in"
            )

    def _neighbours(self, files: Sequence[RunFile]) -> tuple[Neighbour, ...]:
        found = ((file, self._text(file.here)) for file in files)
        return tuple(Neighbour(file.name, file.here, text) for file, text in found)

    def _text(self, path: Path) -> str:
        """What it holds, nothing where it is not there.

        As it was for as long as it is being written, is not to be read, or only a process that has
        ended had it.
        """
        known = self._read.get(path)
        if not path.exists() and not path.is_relative_to(PROC):
            return ""
        with suppress(OSError):
            stat = path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if known and known.stamp == stamp:
                return known.text
            if known and 0 <= time.time() - stat.st_mtime < QUIET:
                return known.text
            text = path.read_bytes().decode(errors="surrogateescape")
            self._read[path] = known = _Read(stamp, text)
        return known.text if known else ""


def _lasting(file: RunFile) -> RunFile:
    """By a path that is there without the process, if that is the same."""
    with suppress(OSError):
        if file.name.samefile(file.here):
            return RunFile(file.name, file.name)
    return file


def _expanded(given: RunFile) -> Sequence[RunFile]:
    return read_in(given) if is_folder(given.here) else (given,)


def _is_or_precedes(config: Path, file: RunFile, given: RunFile) -> bool:
    """Whether ``config`` is ``file``, or comes before it in the folder ``given``."""
    if file.is_at(config):
        return True
    return _will_hold(given, config) and os.fsencode(config.name) < os.fsencode(file.name.name)


def _will_hold(folder: RunFile, config: Path) -> bool:
    """Whether HAProxy reads ``config`` of it, also where that is not there yet."""
    return is_read(config.name) and is_folder(folder.here) and folder.is_at(config.parent)
