"""Samples put together: one series for each way, measure, figure and set of conditions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lbdisc_compare.records import Sample
from lbdisc_compare.report.reading import CellRead, SamplesRead
from lbdisc_compare.report.statistics import Distribution, spread

# What describes a sample rather than its conditions: the promise beside it, of how many it is.
DETAILS = frozenset({"promised", "sent", "hosts"})
MOST = 12  # values of a condition beyond which it is a detail of the sample, such as a node's name

Conditions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The values of one figure of one way under the same conditions.

    Cells on a busy machine are left out as long as there is another; ``busy`` says that there
    was none, so that no ratio may be told. ``left_out`` counts the cells that were.
    """

    way: str
    measure: str
    figure: str
    unit: str
    where: Conditions
    values: tuple[float, ...]
    busy: bool = False
    left_out: int = 0
    load: float = 0.0
    promised: float | None = None  # the most that the way promises, in the same unit

    @property
    def spread(self) -> Distribution:
        return spread(self.values)

    @property
    def conditions(self) -> str:
        """For people: ``frozen 4 of 10, guard off``."""
        return ", ".join(f"{name} {value}" for name, value in self.where)


def all_series(reading: SamplesRead) -> list[Series]:
    """All that was measured in cells that ended or failed with samples, in the order of the run."""
    samples: dict[tuple[str, str], list[tuple[CellRead, Sample]]] = {}
    for cell in reading.cells:
        if cell.end is None:
            continue
        for sample in cell.samples:
            samples.setdefault((sample.measure, sample.figure), []).append((cell, sample))
    found: list[Series] = []
    for pairs in samples.values():
        details = _details([sample for _, sample in pairs])
        groups: dict[tuple[str, Conditions], list[tuple[CellRead, Sample]]] = {}
        for cell, sample in pairs:
            key = (sample.way, conditions(sample.where, details))
            groups.setdefault(key, []).append((cell, sample))
        found += [_series(way, where, group) for (way, where), group in groups.items()]
    return found


def conditions(where: Mapping[str, Any], details: frozenset[str] = frozenset()) -> Conditions:
    """``where`` without what only describes the sample."""
    return tuple((name, _word(where[name])) for name in sorted(where) if name not in details)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _details(samples: Sequence[Sample]) -> frozenset[str]:
    values: dict[str, set[str]] = {}
    for sample in samples:
        for name, value in sample.where.items():
            values.setdefault(name, set()).add(_word(value))
    many = {name for name, found in values.items() if len(found) > MOST}
    return DETAILS | many


def _series(way: str, where: Conditions, pairs: Sequence[tuple[CellRead, Sample]]) -> Series:
    quiet = [(cell, sample) for cell, sample in pairs if not cell.busy]
    used = quiet or list(pairs)
    first = pairs[0][1]
    return Series(
        way=way,
        measure=first.measure,
        figure=first.figure,
        unit=first.unit,
        where=where,
        values=tuple(sample.value for _, sample in used),
        busy=not quiet,
        left_out=len(_rounds(pairs) - _rounds(used)),
        load=max(cell.load for cell, _ in used),
        promised=_promised([sample for _, sample in used]),
    )


def _promised(samples: Sequence[Sample]) -> float | None:
    told = [sample.where.get("promised") for sample in samples]
    found = [float(one) for one in told if isinstance(one, int | float)]
    return max(found, default=None)


def _rounds(pairs: Iterable[tuple[CellRead, Sample]]) -> set[int]:
    return {cell.round for cell, _ in pairs}
