"""What an agent notes of the worker, so that the next one need not reload to know what runs."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import structlog

from lbdisc import notes
from lbdisc.boot import started
from lbdisc.haproxy.around import Around, Neighbour
from lbdisc.haproxy.beside.contents import Contents
from lbdisc.haproxy.language.lines import Line, ServerLine
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.planning.plan import InMaintenance, Key
from lbdisc.haproxy.sockets.master import Processes
from lbdisc.notes import UnusableNote
from lbdisc.rendered import Rendered

log = structlog.get_logger("lbdisc.haproxy")
_KIND, _VERSION = "worker", 1
_FILES_KIND = "files that the worker has read"
Files = tuple[tuple[str, str], ...]  # name and text


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process: its number, and when it began (``boot.started``)."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Self:
        return cls(pid, started(pid))


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """``worker`` of ``master`` runs the configuration with ``digest``.

    ``around`` is what it read with it. ``in_maintenance``, ``leaving`` and ``unsettled`` are those
    of ``Live``; its clock is the same for all processes of one boot. ``contents`` are what it has
    read beside the configuration, ``None`` if not known.
    """

    master: ProcessIdentity
    worker: ProcessIdentity
    digest: str
    around: Around
    in_maintenance: InMaintenance
    leaving: Mapping[Key, float]
    unsettled: tuple[float, float] | None
    contents: Contents | None = None

    def is_of(self, processes: Processes) -> bool:
        """Whether these very processes run now, and can be seen."""
        pid = processes.current.pid if processes.current else 0
        now = ProcessIdentity.of(processes.master), ProcessIdentity.of(pid)
        return now == (self.master, self.worker) and all(its.started for its in now)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The note at ``path``, ``None`` without one. Raises ``UnusableNote``."""
        found = notes.read(path, _KIND, _VERSION)
        if found is None:
            return None
        try:
            unsettled = found["unsettled"]
            return cls(
                master=ProcessIdentity(*map(int, found["master"])),
                worker=ProcessIdentity(*map(int, found["worker"])),
                digest=str(found["digest"]),
                around=_around(found.get("around", ((), ()))),
                in_maintenance=dict(map(_server, found["in_maintenance"])),
                leaving={(str(p), str(n)): float(at) for p, n, at in found.get("leaving", [])},
                unsettled=(float(unsettled[0]), float(unsettled[1])) if unsettled else None,
                contents=_read(path, str(found.get("read", ""))),
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise UnusableNote(f"{path} is damaged: {error!r}") from error


class WorkerNote:
    """Keeps the note at ``path`` to what is known of the worker; writes only what is new."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: dict[str, Any] | None = None
        self._failed = False
        self._last: tuple[str, Files, Around, str] = ("", (), Around(), "")
        self._read: tuple[Contents | None, str] = None, ""

    def master(self) -> int:
        """The noted master if that very process lives, else 0."""
        with suppress(UnusableNote):
            noted = Remembered.read(self.path)
            if (
                noted
                and noted.master.started
                and noted.master == ProcessIdentity.of(noted.master.pid)
            ):
                return noted.master.pid
        return 0

    def keep(
        self, live: Live, files: Files, read: Contents | None, master: Callable[[], int]
    ) -> None:
        """Note what ``live`` runs with ``files``, having ``read`` others.

        ``master`` tells the process above the worker.
        """
        worker = [live.pid, started(live.pid)]
        kept = self._kept or {}
        above = kept["master"] if kept.get("worker") == worker else None
        if above is None:
            pid = master()
            above = [pid, started(pid)]
        self._write(
            {
                "master": above,
                "worker": worker,
                "digest": self._digest_of(live, files),
                "around": [
                    [[str(each.name), str(each.here), each.text] for each in side]
                    for side in (live.around.before, live.around.after)
                ],
                "in_maintenance": [
                    [*key, line and _written(line)] for key, line in live.in_maintenance.items()
                ],
                "leaving": [[*key, since] for key, since in live.leaving.items()],
                "unsettled": live.unsettled,
                "read": self._noted(read),
            }
        )

    def _digest_of(self, live: Live, files: Files) -> str:
        """That of all that it runs; the one before costs nothing."""
        known = self._last
        if known[0] is not live.text or known[1] is not files or known[2] is not live.around:
            digest = live.around.digest(Rendered(live.text, files))
            self._last = live.text, files, live.around, digest
        return self._last[3]

    def _noted(self, read: Contents | None) -> str:
        """What stands for ``read``, whose own note is written when it is another than before."""
        if read is not self._read[0]:
            content = {str(path): digest for path, digest in sorted((read or {}).items())}
            with suppress(OSError):  # then the next start does not know them, and reloads
                notes.write(_files_note(self.path), _FILES_KIND, _VERSION, {"read": content})
            self._read = read, "" if read is None else _stands_for(content)
        return self._read[1]

    def forget(self) -> None:
        """What runs is not known any more."""
        self._kept = None
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            self._tell(error)

    def _write(self, content: dict[str, Any]) -> None:
        if content == self._kept:
            return
        try:
            notes.write(self.path, _KIND, _VERSION, content)
        except OSError as error:
            self.forget()
            self._tell(error)
        else:
            self._kept, self._failed = content, False

    def _tell(self, error: OSError) -> None:
        """Nothing depends on it but the next start."""
        if not self._failed:
            what = error.strerror or error
            log.warning("the next start will reload: cannot note what runs", error=str(what))
        self._failed = True


def _around(found: Sequence[Sequence[Sequence[str]]]) -> Around:
    before, after = (
        tuple(Neighbour(Path(name), Path(here), str(text)) for name, here, text in side)
        for side in found
    )
    return Around(before, after)


def _files_note(path: Path) -> Path:
    return path.with_name(f"{path.stem}.files{path.suffix}")


def _stands_for(content: Mapping[str, str]) -> str:
    return sha256(json.dumps(content).encode()).hexdigest()


def _read(path: Path, wanted: str) -> Contents | None:
    """The files noted beside the note at ``path``, if they are those that were meant."""
    with suppress(UnusableNote):
        found = notes.read(_files_note(path), _FILES_KIND, _VERSION)
        content = (found or {}).get("read")
        if isinstance(content, dict) and wanted and _stands_for(content) == wanted:
            return {Path(name): str(digest) for name, digest in content.items()}
    return None


def _written(line: ServerLine) -> dict[str, Any]:
    defaults = [[default.words, default.raw] for default in line.defaults]
    words = {"address": line.address, "options": line.options, "raw": line.raw}
    return {**words, "defaults": defaults}


def _server(entry: list[Any]) -> tuple[Key, ServerLine | None]:
    proxy, name, line = entry
    if line is None:
        return (str(proxy), str(name)), None
    found = ServerLine(
        proxy=str(proxy),
        name=str(name),
        address=str(line["address"]),
        options=tuple(map(str, line["options"])),
        defaults=tuple(Line(tuple(map(str, words)), str(raw)) for words, raw in line["defaults"]),
        raw=str(line["raw"]),
    )
    return found.key, found
