"""Runs cells one after the other, and keeps what they measured."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from lbdisc.errors import LbdiscError
from lbdisc_compare.hosts.isolation import bound, isolated, separable
from lbdisc_compare.measures.measure import Measure, Scale
from lbdisc_compare.records import Absence, Breakdown, CellEnd, Noted, noted
from lbdisc_compare.running.busyness import Processors
from lbdisc_compare.running.cell import BROKEN, CellOrder
from lbdisc_compare.running.ledger import Ledger
from lbdisc_compare.running.schedule import Cell

LOOK = 0.5  # seconds in which the machine is looked at before each cell
PATIENCE = 4.0  # a cell may take so many times its estimate,
SPARE = 60.0  # and so many seconds more
FAREWELL = 15.0  # seconds that a cell has to end what it started


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """``tell(cell, result)`` is called after each cell; the result is empty if it was measured."""

    ledger: Ledger
    scale: Scale
    seed: int
    tell: Callable[[Cell, str], None]

    def run(self, cells: Sequence[Cell]) -> None:
        """All of ``cells``. Raises ``LbdiscError`` when the samples cannot be written."""
        apart = separable()
        for cell in cells:
            if apart and "namespaces" in cell.measure.needs:
                self._keep(
                    cell, [], [_absent(cell, apart)], Processors.now(), Processors.now(), 0.0
                )
                self.tell(cell, apart)
            else:
                self.tell(cell, self._one(cell, isolate=not apart))

    def warm_up(self, cells: Sequence[Cell]) -> None:
        """The first cell that needs no rights, once for nothing: programs and bytecode are read."""
        first = next((cell for cell in cells if not cell.measure.needs), None)
        if first is not None:
            with _folder() as folder:
                order = replace(self._order(first, folder, not separable()), quick=True)
                _measured(first.measure, order, first.measure.seconds(first.contender, self.scale))

    def _one(self, cell: Cell, *, isolate: bool) -> str:
        before = Processors.now()
        time.sleep(LOOK)
        began, clock = Processors.now(), time.monotonic()
        with _folder() as folder:
            order = self._order(cell, folder, isolate)
            failed = _measured(
                cell.measure, order, cell.measure.seconds(cell.contender, self.scale)
            )
            lines = _lines(order.lines)
            if failed and not any(isinstance(line, Breakdown) for line in lines):
                lines.append(_broken(cell, failed))
            self._keep(cell, lines, [], before, began, time.monotonic() - clock)
        absent = next(
            (line.why for line in lines if isinstance(line, Absence) and not line.figure), ""
        )
        return next((line.why for line in lines if isinstance(line, Breakdown)), absent)

    def _order(self, cell: Cell, folder: Path, isolate: bool) -> CellOrder:
        way, measure, number = cell.key
        return CellOrder(
            way=way,
            measure=measure,
            round=number,
            seed=self.seed,
            quick=self.scale.quick,
            nodes=self.scale.nodes,
            folder=str(folder),
            isolated=isolate,
        )

    def _keep(
        self,
        cell: Cell,
        lines: list[Noted],
        more: list[Noted],
        before: Processors,
        began: Processors,
        took: float,
    ) -> None:
        way, measure, number = cell.key
        end = CellEnd(
            way=way,
            measure=measure,
            round=number,
            at=time.time(),
            took=round(took, 3),
            load_before=round(began.others_since(before), 3),
            load_during=round(Processors.now().others_since(began), 3),
        )
        try:
            self.ledger.add([*lines, *more, end])
        except OSError as error:
            raise LbdiscError(
                f"{self.ledger.path}: {error.strerror}; what was measured before is kept, "
                "--resume goes on from there"
            ) from error


def _absent(cell: Cell, why: str) -> Absence:
    way, measure, number = cell.key
    return Absence(way=way, measure=measure, round=number, why=why)


def _broken(cell: Cell, why: str) -> Breakdown:
    way, measure, number = cell.key
    return Breakdown(way=way, measure=measure, round=number, why=why)


@contextmanager
def _folder() -> Iterator[Path]:
    """With a short path, as sockets need. What programs with other rights left is left."""
    folder = Path(tempfile.mkdtemp(prefix="lbc-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measured(measure: Measure, order: CellOrder, estimate: float) -> str:
    """Run the cell; returns why it failed, or an empty text."""
    command = [sys.executable, "-m", "lbdisc_compare.running.cell"]
    limit = estimate * PATIENCE + SPARE
    with order.log.open("wb") as log:
        child = subprocess.Popen(
            isolated(command) if order.isolated else bound(command),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=_environment(),
        )
        try:
            child.communicate(order.json().encode(), timeout=limit)
        except subprocess.TimeoutExpired:
            return f"it was not done after {limit:.0f} s"
        finally:
            _end(child)
    if child.returncode in (0, BROKEN):
        return "" if child.returncode == 0 else "it failed"
    said = order.log.read_text(errors="replace").strip().splitlines()
    return f"it ended with code {child.returncode}: {said[-1][:300] if said else 'no word'}"


def _environment() -> dict[str, str]:
    """The same for everybody: no settings of lbdisc, and compiled Python is kept."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("LBDISC_")}
    own.pop("PYTHONDONTWRITEBYTECODE", None)
    return own


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)  # the cell: unshare(1) itself does not hear it
        with suppress(subprocess.TimeoutExpired):
            child.wait(FAREWELL)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _lines(path: Path) -> list[Noted]:
    """The whole lines of a cell, which may have died at any byte."""
    if not path.exists():
        return []
    parts = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    return [noted(part) for part in parts if part.endswith("\n")]
