"""The file of samples: lines are added, none is ever changed."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from lbdisc.errors import LbdiscError
from lbdisc_compare.records import (
    Absence,
    Breakdown,
    CellEnd,
    Noted,
    RunHeader,
    Simulated,
    line,
    noted,
)


class Ledger:
    """Samples as NDJSON at ``path``. What belongs to one cell is added at once, or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def claim(self) -> None:
        """Nobody else writes there until this process ends. Raises ``LbdiscError``, ``OSError``."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(
            self.path.with_name(f".{self.path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600
        )
        os.set_inheritable(lock, False)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise LbdiscError(f"another lbdisc compare writes to {self.path}") from error
        self._lock = lock

    def begin(self, header: RunHeader) -> None:
        """A new file. Raises ``OSError``."""
        self.path.write_bytes(b"")
        self.add([header])

    def add(self, lines: Iterable[Noted]) -> None:
        """Raises ``OSError``, with the file as it was: half a cell would count as a whole one."""
        whole = "".join(f"{line(one)}\n" for one in lines).encode()
        with self.path.open("ab", buffering=0) as file:
            before = os.fstat(file.fileno()).st_size
            try:
                for at in range(0, len(whole), 1 << 20):
                    _write(file.fileno(), whole[at : at + (1 << 20)])
                os.fsync(file.fileno())
            except OSError:
                os.truncate(file.fileno(), before)
                raise

    def mend(self) -> None:
        """Drop what a crash left: a last line without its end, and the lines of a cell without one.

        Raises ``OSError``, ``ValueError`` for a file that is none of ours.
        """
        text = self.path.read_bytes()
        kept = whole = 0
        for part in text.splitlines(keepends=True):
            whole += len(part)
            if part.endswith(b"\n") and _stands_alone(noted(part.decode())):
                kept = whole
        os.truncate(self.path, kept)

    def lines(self) -> Iterator[Noted]:
        """Raises ``ValueError`` at a line that is none, ``OSError``."""
        with self.path.open(encoding="utf-8") as file:
            yield from map(noted, file)

    def ended(self) -> set[tuple[str, str, int]]:
        """The cells that are done, failed ones among them."""
        return {
            (one.way, one.measure, one.round) for one in self.lines() if isinstance(one, CellEnd)
        }

    def failed(self) -> int:
        """How many cells failed."""
        return sum(isinstance(one, Breakdown) for one in self.lines())

    def left_out(self) -> set[str]:
        """The ways that were left out as a whole."""
        whole = (one for one in self.lines() if isinstance(one, Absence) and not one.measure)
        return {one.way for one in whole}

    def simulated(self) -> bool:
        """Whether the curves are there."""
        return any(isinstance(one, Simulated) for one in self.lines())

    @property
    def header(self) -> RunHeader:
        """Raises ``ValueError`` where there is none."""
        first = next(self.lines(), None)
        if not isinstance(first, RunHeader):
            raise ValueError(f"{self.path} does not begin with the header of a comparison")
        return first


def _stands_alone(one: Noted) -> bool:
    """Whether all is whole up to this line."""
    return isinstance(one, RunHeader | CellEnd | Simulated) or (
        isinstance(one, Absence) and not one.measure
    )


def _write(file: int, part: bytes) -> None:
    while part:
        part = part[os.write(file, part) :]
