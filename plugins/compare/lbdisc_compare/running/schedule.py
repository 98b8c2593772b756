"""Which cells a comparison has, and in which order."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lbdisc_compare.contenders.contender import Contender
from lbdisc_compare.measures.measure import Measure, Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One measure of one way, once."""

    contender: Contender
    measure: Measure
    round: int

    @property
    def key(self) -> tuple[str, str, int]:
        """What its lines carry."""
        return self.contender.name, self.measure.name, self.round

    def __str__(self) -> str:
        return f"{self.measure.name} of {self.contender.name}, round {self.round + 1}"


def schedule(
    contenders: Sequence[Contender], measures: Sequence[Measure], scale: Scale, seed: int
) -> list[Cell]:
    """Round by round, each in another order: what warms up or drifts meets every way alike.

    The same arguments give the same order.
    """
    rounds = max((measure.rounds(scale) for measure in measures), default=0)
    return [
        cell
        for number in range(rounds)
        for cell in _round(contenders, measures, scale, seed, number)
    ]


def _round(
    contenders: Sequence[Contender],
    measures: Sequence[Measure],
    scale: Scale,
    seed: int,
    number: int,
) -> Iterator[Cell]:
    draw = random.Random(f"{seed} {number}")
    due = [measure for measure in measures if number < measure.rounds(scale)]
    for measure in draw.sample(due, len(due)):
        for contender in draw.sample(list(contenders), len(contenders)):
            yield Cell(contender=contender, measure=measure, round=number)


def seconds(cells: Sequence[Cell], scale: Scale) -> float:
    """About what they take in all."""
    return sum(cell.measure.seconds(cell.contender, scale) for cell in cells)
