"""The simulation beside the real thing: each in a column of its own, and how far apart they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from lbdisc_compare.records import Simulated
from lbdisc_compare.report.beyond import VALIDATE
from lbdisc_compare.report.series import Series, conditions

CLOSE = 0.25  # of what was measured: the most by which the simulation may be beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """A figure of one way under the same conditions, simulated and measured."""

    simulated: Simulated
    measured: Series

    @property
    def ratio(self) -> float | None:
        """Simulated to measured, of the medians; ``None`` where the machine was busy."""
        real = self.measured.spread.median
        return None if self.measured.busy or real == 0 else self.simulated.value / real

    @property
    def far(self) -> bool:
        """Whether the simulation is beside what was measured by more than ``CLOSE``."""
        return self.ratio is not None and abs(self.ratio - 1) > CLOSE


def validations(simulated: Sequence[Simulated], series: Sequence[Series]) -> list[Validation]:
    """All that the measure ``validate`` has of both kinds, by way, figure and size."""
    real = {(one.way, one.figure, one.where): one for one in series if one.measure == VALIDATE}
    return [
        Validation(simulated=one, measured=real[key])
        for one in simulated
        if one.measure == VALIDATE and (key := (one.way, one.figure, conditions(one.where))) in real
    ]
