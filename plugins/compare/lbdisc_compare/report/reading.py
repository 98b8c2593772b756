"""Samples as they were written down, cell by cell; also of a run that did not end."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lbdisc_compare.records import (
    Absence,
    Breakdown,
    CellEnd,
    Happening,
    Noted,
    RunHeader,
    Sample,
    Simulated,
    noted,
)
from lbdisc_compare.report.relatives import StandIn, stand_in
from lbdisc_compare.running.busyness import BUSY

TOLD = 20  # problems that are told one by one
UNRUN = "the run did not come to it"

Key = tuple[str, str, int]
Kind = TypeVar("Kind", bound=Noted)


@dataclass(slots=True, kw_only=True)
class CellRead:
    """One measure of one way, one round, as far as it came."""

    way: str
    measure: str
    round: int
    samples: list[Sample] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    failures: list[Breakdown] = field(default_factory=list)
    end: CellEnd | None = None

    @property
    def load(self) -> float:
        """Other programs' share of all processors, before or during the cell, 0 to 1."""
        return max(self.end.load_before, self.end.load_during) if self.end else 0.0

    @property
    def busy(self) -> bool:
        """No ratio is told of it."""
        return self.load > BUSY

    @property
    def state(self) -> str:
        """``done``, ``failed``, ``absent`` or ``unfinished``."""
        if self.failures:
            return "failed"
        if self.end is None:
            return "unfinished"
        whole = any(not absence.figure for absence in self.absences)
        return "absent" if whole and not self.samples else "done"

    @property
    def ran(self) -> bool:
        """Whether it was run to its end: not one that a relative stands for."""
        stood_for = any(stand_in(absence.why) for absence in self.absences if not absence.figure)
        return self.end is not None and not stood_for


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundsRead:
    """The rounds of one measure of one way: at least one."""

    cells: tuple[CellRead, ...]

    @property
    def way(self) -> str:
        return self.cells[0].way

    @property
    def measure(self) -> str:
        return self.cells[0].measure

    @property
    def states(self) -> str:
        """``3 done, 1 failed``."""
        found = [cell.state for cell in self.cells]
        return ", ".join(f"{found.count(one)} {one}" for one in dict.fromkeys(found))

    @property
    def values(self) -> int:
        return sum(len(cell.samples) for cell in self.cells)

    @property
    def took(self) -> float:
        """Seconds in all."""
        return sum(cell.end.took for cell in self.cells if cell.end)

    @property
    def load(self) -> float:
        return max(cell.load for cell in self.cells)

    @property
    def busy(self) -> bool:
        return any(cell.busy for cell in self.cells)

    @property
    def why(self) -> str:
        """Each reason once."""
        failed = [one.why for cell in self.cells for one in cell.failures]
        absent = [one.why for cell in self.cells for one in cell.absences]
        return "; ".join(dict.fromkeys([*failed, *absent]))


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesRead:
    """What a file of samples holds. ``problems`` say in a line each what was left out of it."""

    header: RunHeader | None
    cells: tuple[CellRead, ...]
    simulated: tuple[Simulated, ...]
    problems: tuple[str, ...]
    missing: Mapping[str, str] = field(default_factory=dict)  # ways that were not run, and why

    @property
    def ways(self) -> tuple[str, ...]:
        """All that were to be compared, in the order of the run."""
        asked = self.header.ways if self.header else ()
        return tuple(dict.fromkeys([*asked, *self.missing, *(cell.way for cell in self.cells)]))

    @property
    def measures(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cell.measure for cell in self.cells))

    def of(self, way: str, measure: str) -> list[CellRead]:
        """The rounds of one measure of one way."""
        return [cell for cell in self.cells if (cell.way, cell.measure) == (way, measure)]

    def rounds(self) -> list["RoundsRead"]:
        """All cells, those of one measure of one way together."""
        keys = dict.fromkeys((cell.way, cell.measure) for cell in self.cells)
        return [RoundsRead(cells=tuple(self.of(*key))) for key in keys]

    def stand_in(self, way: str, measure: str) -> StandIn | None:
        """The way of this run that shows the same, where ``way`` was left out for it."""
        found = stand_in(self.why_absent(way, measure))
        return found if found and found.way in self.ways and found.way != way else None

    def why_absent(self, way: str, measure: str, figure: str = "") -> str:
        """Why there is no such figure; empty where nobody said."""
        if way in self.missing:
            return self.missing[way]
        cells = self.of(way, measure)
        for cell in cells:
            for absence in cell.absences:
                if absence.figure in ("", figure):
                    return absence.why
        failed = next((failure.why for cell in cells for failure in cell.failures), "")
        if failed:
            return f"failed: {failed}"
        return UNRUN if not cells else ""


def read(path: Path) -> SamplesRead:
    """What ``path`` holds. What is no line of a comparison is left out and told as a problem.

    Raises ``OSError``.
    """
    problems = _Problems()
    cells: dict[Key, CellRead] = {}
    simulated: list[Simulated] = []
    missing: dict[str, str] = {}
    header: RunHeader | None = None
    for number, one in _lines(path, problems):
        match one:
            case RunHeader():
                header = header or one
            case Simulated():
                if _usable(one, number, problems):
                    simulated.append(one)
            case Absence(measure="", why=why):
                missing.setdefault(one.way, why)
            case _:
                _put(cells, one, number, problems)
    if header is None:
        problems.add("the file has no header: seed, machine and versions are not known")
    _tell_unfinished(cells.values(), problems)
    return SamplesRead(
        header=header,
        cells=tuple(cells.values()),
        simulated=tuple(simulated),
        problems=problems.told(),
        missing=missing,
    )


def _lines(path: Path, problems: "_Problems") -> Iterator[tuple[int, Noted]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                one = _typed(noted(text))
            except ValueError as error:
                half = "" if text.endswith("\n") else " (the last line, without its end)"
                problems.add(f"line {number}{half} was left out: {error}")
            else:
                yield number, one


def _typed(one: Kind) -> Kind:
    """``one`` with the types that its class declares. Raises ``ValueError``."""
    wanted: Mapping[str, type | tuple[type, ...]] = {
        "way": str,
        "measure": str,
        "round": int,
        "figure": str,
        "unit": str,
        "what": str,
        "why": str,
        "value": (int, float),
        "t": (int, float),
        "at": (int, float),
        "took": (int, float),
        "load_before": (int, float),
        "load_during": (int, float),
        "where": dict,
        "machine": dict,
        "versions": dict,
        "settings": dict,
        "ways": (list, tuple),
        "thinned": str,
        "cells": int,
    }
    for at in dataclasses.fields(one):
        value: Any = getattr(one, at.name)
        if not isinstance(value, wanted.get(at.name, object)) or isinstance(value, bool):
            raise ValueError(f"{at.name} of a {one.kind} is {str(value)[:40]!r}")
    return one


def _usable(one: Sample | Simulated, number: int, problems: "_Problems") -> bool:
    if math.isfinite(one.value):
        return True
    problems.add(f"line {number}: {one.figure} of {one.way} is {one.value}, no number: left out")
    return False


def _put(cells: dict[Key, CellRead], one: Noted, number: int, problems: "_Problems") -> None:
    key = (one.way, one.measure, one.round)
    cell = cells.setdefault(key, CellRead(way=one.way, measure=one.measure, round=one.round))
    match one:
        case Sample():
            if _usable(one, number, problems):
                cell.samples.append(one)
        case Happening():
            cell.happenings.append(one)
        case Absence():
            cell.absences.append(one)
        case Breakdown():
            cell.failures.append(one)
        case CellEnd():
            cell.end = one


def _tell_unfinished(cells: Iterable[CellRead], problems: "_Problems") -> None:
    for cell in cells:
        if cell.state == "unfinished":
            problems.add(
                f"{cell.measure} of {cell.way}, round {cell.round + 1}, did not end:"
                " what it has is shown, but counts in no figure"
            )


class _Problems:
    """Problems, of which the first are told one by one."""

    def __init__(self) -> None:
        self._all: list[str] = []

    def add(self, text: str) -> None:
        self._all.append(text)

    def told(self) -> tuple[str, ...]:
        more = len(self._all) - TOLD
        return (*self._all[:TOLD], *([f"and {more} more like these"] if more > 0 else ()))
