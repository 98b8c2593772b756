"""Nodes that come and go all the time, under traffic."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

from lbdisc_compare.contenders.contender import Contender, Size
from lbdisc_compare.measures.measure import Figure, Need, Scale, Section, Sitting
from lbdisc_compare.measures.trial import (
    BALANCERS,
    FAILED,
    FAULT_FIGURES,
    Trial,
    Window,
    node_names,
    trial,
)

GUESTS = 10  # nodes that come and go
LANES = 5  # clients side by side, each with guests of its own
DEPLOYING = 10.0  # seconds, about

CHANGES = Figure(
    name="changes",
    title="Changes written",
    unit="count",
    better="none",
    explained="Joins and leaves that the registry took; fewer than asked for where it was slow.",
)


@dataclass(frozen=True, slots=True)
class Churn:
    """``rate`` joins and leaves a second for ``lasts`` seconds (a sixth of it in a quick run).

    The web apps of those that leave serve on: what is lost, the change has cost.
    """

    name: ClassVar[str] = "churn"
    title: ClassVar[str] = "Ten changes a second"
    section: ClassVar[Section] = "faults"
    figures: ClassVar[tuple[Figure, ...]] = (*FAULT_FIGURES, CHANGES)
    needs: ClassVar[frozenset[Need]] = frozenset()
    rate: float = 10.0
    lasts: float = 30.0

    def rounds(self, scale: Scale) -> int:
        return scale.count(1, 0)

    def seconds(self, contender: Contender, scale: Scale) -> float:
        return DEPLOYING + self._lasts(scale) + 5

    def _lasts(self, scale: Scale) -> float:
        return self.lasts / 6 if scale.quick else self.lasts

    def run(self, contender: Contender, sitting: Sitting) -> None:
        guests = [f"guest{number}" for number in range(GUESTS)]
        size = Size(balancers=BALANCERS)
        names = node_names(sitting.scale.nodes)
        with trial(contender, sitting, size, names) as tried, tried.scene() as window:
            tried.deployment.serve(*guests)
            tried.fault(window, "registry", f"{self.rate:g} changes a second")
            with ThreadPoolExecutor(LANES) as pool:
                lanes = [
                    pool.submit(self._drive, tried, window, guests[lane::LANES], lane)
                    for lane in range(LANES)
                ]
                changes = sum(lane.result() for lane in lanes)
            tried.healed(window, "registry", f"{changes} changes were made")
            sitting.sample(CHANGES, changes, seconds=self._lasts(sitting.scale), rate=self.rate)
            tried.settle()

    def _drive(self, tried: Trial, window: Window, guests: list[str], lane: int) -> int:
        """Let ``guests`` come and go in turn; returns how many changes were told."""
        interval = LANES / self.rate
        began = time.monotonic()
        end, due = began + self._lasts(tried.sitting.scale), began + interval * lane / LANES
        told, turn, here = 0, 0, set[str]()
        while due < end:
            time.sleep(max(0.0, due - time.monotonic()))
            guest = guests[turn % len(guests)]
            try:
                _toggle(tried, guest, here)
                told += 1
            except FAILED as error:
                tried.note(window, guest, f"not changed: {error}"[:200])
            due, turn = due + interval, turn + 1
        return told


def _toggle(tried: Trial, guest: str, here: set[str]) -> None:
    began = time.monotonic()
    if guest in here:
        tried.deployment.leave(guest)
        here.discard(guest)
    else:
        tried.deployment.join(guest)
        here.add(guest)
    tried.swap(guest, there=guest in here, at=began)
