"""What is measured, as the runner sees it."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from lbdisc_compare.contenders.contender import Contender, Deployment, Seat
from lbdisc_compare.hosts.host import HostSet
from lbdisc_compare.records import Absence, Happening, Noted, Sample

Section = Literal["latency", "crash", "removals", "faults", "cost", "needs", "simulation"]
Need = Literal["namespaces"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A quantity with a name that stays: it is in the samples, in the report and in ``bench``.

    ``unit``: s, ms, requests, messages/s, bytes/s, MB, share, count.
    """

    name: str
    title: str
    unit: str
    better: Literal["lower", "higher", "none"] = "lower"
    explained: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is measured. ``nodes`` stay, beside those that a measure adds."""

    quick: bool = False
    nodes: int = 10

    def count(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass(slots=True, kw_only=True)
class Sitting:
    """One cell: one measure of one way, once. What it measured goes to ``write``."""

    way: str
    measure: str
    round: int
    scale: Scale
    hosts: HostSet
    seed: int
    write: Callable[[Noted], None]
    began: float = field(default_factory=time.monotonic)

    @property
    def random(self) -> random.Random:
        """The same numbers for the same seed, measure and round, whatever the way."""
        return random.Random(f"{self.seed} {self.measure} {self.round}")

    @property
    def t(self) -> float:
        """Seconds since the cell began."""
        return time.monotonic() - self.began

    def sample(self, figure: Figure, value: float, **where: Any) -> None:
        """``where`` are the conditions; ``t=`` is a moment of the monotonic clock."""
        moment = where.pop("t", time.monotonic())
        self._write(
            Sample,
            figure=figure.name,
            value=value,
            unit=figure.unit,
            t=moment - self.began,
            where=where,
        )

    def happened(self, what: str, whom: str = "", *, at: float | None = None, **rest: str) -> None:
        """Something for the timeline, now or at a moment of the monotonic clock."""
        moment = time.monotonic() if at is None else at
        self._write(Happening, t=moment - self.began, what=what, whom=whom, **rest)

    def absent(self, why: str, figure: Figure | None = None) -> None:
        self._write(Absence, why=why, figure=figure.name if figure else "")

    def _write(self, kind: Callable[..., Noted], **fields: Any) -> None:
        self.write(kind(way=self.way, measure=self.measure, round=self.round, **fields))


class Measure(Protocol):
    """One thing that is measured, with the same moves on every way."""

    @property
    def name(self) -> str:
        """In the samples, and in ``--only``."""

    @property
    def title(self) -> str: ...

    @property
    def section(self) -> Section: ...

    @property
    def figures(self) -> tuple[Figure, ...]: ...

    @property
    def needs(self) -> frozenset[Need]:
        """``namespaces``: hosts are ``Separable``; else they are loopback addresses."""

    def rounds(self, scale: Scale) -> int:
        """How often each way is measured, in changing order; 0 leaves it out."""

    def seconds(self, contender: Contender, scale: Scale) -> float:
        """About what one cell takes, for the estimate."""

    def run(self, contender: Contender, sitting: Sitting) -> None:
        """Measure. Raises what ``deploy`` raises, or ``Unable``; what was sampled before stays."""


__all__ = ["Deployment", "Figure", "Measure", "Need", "Scale", "Seat", "Section", "Sitting"]
