"""What a set of samples comes to."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

ENOUGH = 1000  # samples from which on 99.9 % is more than the maximum by another name
DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """``top`` is the 99.9 % quantile from 1,000 samples on, else the maximum."""

    n: int
    least: float
    median: float
    p95: float
    top: float

    @property
    def top_name(self) -> str:
        return "p99.9" if self.n >= ENOUGH else "max"


def spread(values: Sequence[float]) -> Distribution:
    """Of at least one value."""
    ordered = sorted(values)
    return Distribution(
        n=len(ordered),
        least=ordered[0],
        median=quantile(ordered, 0.5),
        p95=quantile(ordered, 0.95),
        top=quantile(ordered, 0.999) if len(ordered) >= ENOUGH else ordered[-1],
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """By linear interpolation between the two neighbours (type 7 of Hyndman and Fan, 1996)."""
    at = (len(ordered) - 1) * share
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def median_interval(values: Sequence[float], *, sure: float = 0.99) -> tuple[float, float]:
    """Where the median lies, by the bootstrap's percentiles; the same each time."""
    draw = random.Random(0)
    medians = sorted(median(draw.choices(values, k=len(values))) for _ in range(DRAWS))
    edge = (1 - sure) / 2
    return quantile(medians, edge), quantile(medians, 1 - edge)


def likely_same(one: Sequence[float], other: Sequence[float]) -> float:
    """The p of Mann and Whitney's test (1947), both sides, by the normal approximation with ties.

    1.0 where either has less than three values: nothing can be told of them.
    """
    n, m = len(one), len(other)
    if min(n, m) < 3:
        return 1.0
    ranks, ties = _ranks([*one, *other])
    u = sum(ranks[:n]) - n * (n + 1) / 2
    whole = n + m
    variance = n * m / 12 * (whole + 1 - ties / (whole * (whole - 1)))
    if variance <= 0:
        return 1.0
    z = max(0.0, abs(u - n * m / 2) - 0.5) / math.sqrt(variance)
    return 2 * (1 - NormalDist().cdf(z))


def _ranks(values: Sequence[float]) -> tuple[list[float], int]:
    """Ranks from 1 on, equal values share theirs; and the sum of t³ - t over the ties."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    ties = start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for at in order[start:end]:
            ranks[at] = (start + 1 + end) / 2
        ties += (end - start) ** 3 - (end - start)
        start = end
    return ranks, ties
