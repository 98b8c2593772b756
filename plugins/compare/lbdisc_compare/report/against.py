"""Two runs side by side: what got slower by more than the noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lbdisc_compare.report.reading import SamplesRead, read
from lbdisc_compare.report.series import Series, all_series
from lbdisc_compare.report.statistics import likely_same, median_interval

SURE = 0.01  # p of the test below which two sets of samples are not the same
SHIFT = 0.2  # of the median: less is no finding
LEAST = {"s": 0.001, "ms": 1.0}  # what nobody notices is none either
FEW = 5  # samples on each side without which nothing can be told

Better = Literal["lower", "higher", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MedianShift:
    """``kind``: ``slower``, ``faster``, or ``untold`` with the reason in ``why``."""

    kind: Literal["slower", "faster", "untold"]
    way: str
    measure: str
    figure: str
    conditions: str
    unit: str
    before: float
    now: float
    p: float = 1.0
    why: str = ""

    def __str__(self) -> str:
        name = f"{self.way}: {self.figure} of {self.measure}"
        where = f" ({self.conditions})" if self.conditions else ""
        if self.kind == "untold":
            return f"{name}{where} cannot be compared: {self.why}"
        told = f"{self.before:.4g} → {self.now:.4g} {self.unit} (medians, p = {self.p:.2g})"
        return f"{name}{where} is {self.kind}: {told}"


def slower(now: Path, before: Path) -> list[MedianShift]:
    """What got slower between two files of samples, and what cannot be told of them.

    Slower is a median that is worse by more than 20 %, more than 1 ms where it is a time, outside
    of where the median of before lies (bootstrap, 99 %), of samples that differ (Mann-Whitney,
    p < 0.01). It cannot be told where the machine was busy or samples are few. Raises ``OSError``.
    """
    found = compared(read(now), read(before))
    return [finding for finding in found if finding.kind != "faster"]


def compared(now: SamplesRead, before: SamplesRead) -> list[MedianShift]:
    """All that changed by more than the noise, and what cannot be told."""
    better = directions()
    old = {_key(series): series for series in all_series(before)}
    pairs = [(new, old[_key(new)]) for new in all_series(now) if _key(new) in old]
    found = (_finding(new, was, better.get(new.figure, "lower")) for new, was in pairs)
    return [finding for finding in found if finding is not None]


def directions() -> Mapping[str, Better]:
    """By figure, in which direction it is better."""
    from lbdisc_compare.measures.catalogue import all_measures

    return {figure.name: figure.better for one in all_measures() for figure in one.figures}


def _key(series: Series) -> tuple[str, ...]:
    return series.way, series.measure, series.figure, series.conditions


def _finding(new: Series, old: Series, better: Better) -> MedianShift | None:
    if better == "none":
        return None
    why = _untold(new, old)
    if why:
        return _made("untold", new, old, why=why)
    was, has = old.spread.median, new.spread.median
    moved = has - was
    if abs(moved) <= max(SHIFT * abs(was), LEAST.get(new.unit, 0.0)):
        return None
    low, high = median_interval(old.values)
    p = likely_same(new.values, old.values)
    if low <= has <= high or p >= SURE:
        return None
    worse = moved > 0 if better == "lower" else moved < 0
    return _made("slower" if worse else "faster", new, old, p=p)


def _untold(new: Series, old: Series) -> str:
    for series, when in ((new, "now"), (old, "before")):
        if series.busy:
            return f"the machine was busy {when}, other programs took {series.load:.0%} of it"
    few: Sequence[Series] = [series for series in (new, old) if len(series.values) < FEW]
    if few and new.spread.median != old.spread.median:
        return f"only {min(len(series.values) for series in few)} samples, {FEW} are needed"
    return ""


def _made(
    kind: Literal["slower", "faster", "untold"],
    new: Series,
    old: Series,
    *,
    p: float = 1.0,
    why: str = "",
) -> MedianShift:
    return MedianShift(
        kind=kind,
        way=new.way,
        measure=new.measure,
        figure=new.figure,
        conditions=new.conditions,
        unit=new.unit,
        before=old.spread.median,
        now=new.spread.median,
        p=p,
        why=why,
    )
