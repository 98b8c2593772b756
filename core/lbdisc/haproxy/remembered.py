"""What an agent notes of the worker, so that the next one need not reload to know what runs."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import structlog

from lbdisc import notes
from lbdisc.boot import started
from lbdisc.haproxy.language.lines import Line, ServerLine
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.planning.plan import InMaintenance, Key
from lbdisc.haproxy.sockets.master import Processes
from lbdisc.notes import UnusableNote
from lbdisc.rendered import Rendered

log = structlog.get_logger("lbdisc.haproxy")
_KIND, _VERSION = "worker", 1
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

    ``in_maintenance``, ``leaving`` and ``unsettled`` are those of ``Live``; its clock is the same
    for all processes of one boot.
    """

    master: ProcessIdentity
    worker: ProcessIdentity
    digest: str
    in_maintenance: InMaintenance
    leaving: Mapping[Key, float]
    unsettled: tuple[float, float] | None

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
                in_maintenance=dict(map(_server, found["in_maintenance"])),
                leaving={(str(p), str(n)): float(at) for p, n, at in found.get("leaving", [])},
                unsettled=(float(unsettled[0]), float(unsettled[1])) if unsettled else None,
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise UnusableNote(f"{path} is damaged: {error!r}") from error


class WorkerNote:
    """Keeps the note at ``path`` to what is known of the worker; writes only what is new."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: dict[str, Any] | None = None
        self._failed = False
        self._last: tuple[str, Files, str] = ("", (), "")

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

    def keep(self, live: Live, files: Files, master: Callable[[], int]) -> None:
        """Note what ``live`` runs with ``files``; ``master`` tells the process above the worker."""
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
                "digest": self._digest_of(live.text, files),
                "in_maintenance": [
                    [*key, line and _written(line)] for key, line in live.in_maintenance.items()
                ],
                "leaving": [[*key, since] for key, since in live.leaving.items()],
                "unsettled": live.unsettled,
            }
        )

    def _digest_of(self, text: str, files: Files) -> str:
        """That of the two; those of before cost nothing."""
        if self._last[0] is not text or self._last[1] is not files:
            self._last = text, files, Rendered(text, files).digest
        return self._last[2]

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
