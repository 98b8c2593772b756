"""A site while a task is played on it: each step is timed, counted and leaves its evidence."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from lbdisc.errors import LbdiscError
from lbdisc_lab.containers.site import Site
from lbdisc_lab.tasks.evidence import Gatherer
from lbdisc_lab.tasks.values import STATISTICS, TaskStep
from lbdisc_lab.traffic import Counts

Say = Callable[[str], None]


class TaskFailed(LbdiscError):
    """A step was not reached, so the rest of its task is not played; the report says why."""


class Act:
    """What a step tells of itself while it is played."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.seconds: float | None = None
        self.where = STATISTICS
        self.notes: list[str] = []

    def seen(self, where: str = STATISTICS) -> None:
        """What is wanted shows in ``where`` now."""
        self.seconds, self.where = time.monotonic() - self._began, where

    def note(self, text: str) -> None:
        """A line for the report."""
        self.notes.append(text)


class Stage:
    """Plays the steps of one task on ``site``.

    A step's counts begin where those of the one before ended, so that none falls in between.
    """

    def __init__(self, site: Site, gatherer: Gatherer, name: str, say: Say) -> None:
        self.site = site
        self.steps: list[TaskStep] = []
        self._gatherer = gatherer
        self._name = name
        self._say = say
        self._before = self._now = Counts()

    @contextmanager
    def step(self, title: str, wanted: str) -> Iterator[Act]:
        """Play a step; raises ``TaskFailed`` when it does not come to what is wanted."""
        site, act = self.site, Act()
        name = f"{self._name}-{len(self.steps) + 1}"
        since, typed, missing = f"{time.time():.3f}", len(site.commands), ""
        self._before = self._now
        self._say(f"{name} {title}")
        try:
            yield act
        except (AssertionError, LbdiscError) as error:
            missing = " ".join(str(error).split())
        step = TaskStep(
            name=name,
            title=title,
            wanted=wanted,
            commands=tuple(site.commands[typed:]),
            seconds=act.seconds,
            where=act.where,
            notes=tuple(act.notes),
            evidence=self._gatherer.gather(site, name, since=since),
            missing=missing,
        )
        step = self._counted(step)
        self.steps.append(step)
        self._say(f"  {outcome(step)}")
        if missing:
            raise TaskFailed(missing)

    def close(self) -> None:
        """Stop the traffic; what became of the last requests counts for the last step."""
        self.site.traffic.stop()
        if self.steps:
            self.steps[-1] = self._counted(self.steps[-1])

    def _counted(self, step: TaskStep) -> TaskStep:
        """``step`` with what became of the requests since the one before it."""
        self._now = self.site.counts()
        losses = self.site.traffic.lost[self._before.lost : self._now.lost]
        return replace(
            step,
            counts=self._now.since(self._before),
            losses=tuple(self.site.apart.real(losses)),
            apart=self.site.apart.reasons(losses),
        )


def outcome(step: TaskStep) -> str:
    """A step in one line for a terminal."""
    seconds = "" if step.seconds is None else f"seen after {step.seconds:.2f} s; "
    servers = ", ".join(f"{s.name} {s.status}" for s in step.evidence.servers) or "no server"
    apart = "".join(f", {count} apart ({why})" for why, count in step.apart.items())
    counts = f"{step.counts.served} served, {len(step.losses)} lost{apart}"
    failed = f"\n  FAILED: {step.why_not}" if not step.ok else ""
    return f"{seconds}{servers}; {counts}{failed}"
