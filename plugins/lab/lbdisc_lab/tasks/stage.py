"""A site while a task is played on it: each step is timed, counted and leaves its evidence."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from lbdisc.errors import LbdiscError
from lbdisc_lab.containers.site import Site
from lbdisc_lab.tasks.evidence import Gatherer
from lbdisc_lab.tasks.values import Step

Say = Callable[[str], None]


class TaskFailed(LbdiscError):
    """A step was not reached, so the rest of its task is not played; the report says why."""


class Act:
    """What a step tells of itself while it is played."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.seconds: float | None = None
        self.notes: list[str] = []

    def seen(self) -> None:
        """HAProxy's statistics are as wanted now."""
        self.seconds = time.monotonic() - self._began

    def note(self, text: str) -> None:
        """A line for the report."""
        self.notes.append(text)


class Stage:
    """Plays the steps of one task on ``site``."""

    def __init__(self, site: Site, gatherer: Gatherer, name: str, say: Say) -> None:
        self.site = site
        self.steps: list[Step] = []
        self._gatherer = gatherer
        self._name = name
        self._say = say

    @contextmanager
    def step(self, title: str, wanted: str) -> Iterator[Act]:
        """Play a step; raises ``TaskFailed`` when it does not come to what is wanted."""
        site, act = self.site, Act()
        name = f"{self._name}-{len(self.steps) + 1}"
        since, before, typed = f"{time.time():.3f}", site.counts(), len(site.commands)
        lost, missing = len(site.traffic.lost), ""
        self._say(f"{name} {title}")
        try:
            yield act
        except (AssertionError, LbdiscError) as error:
            missing = " ".join(str(error).split())
        evidence = self._gatherer.gather(site, name, since=since)
        losses = site.traffic.lost[lost:]
        step = Step(
            name=name,
            title=title,
            wanted=wanted,
            commands=tuple(site.commands[typed:]),
            seconds=act.seconds,
            counts=site.counts().since(before),
            losses=tuple(site.apart.real(losses)),
            apart=site.apart.reasons(losses),
            notes=tuple(act.notes),
            evidence=evidence,
            missing=missing,
        )
        self.steps.append(step)
        self._say(f"  {outcome(step)}")
        if missing:
            raise TaskFailed(missing)

    def close(self) -> None:
        """Stop the traffic; what got lost after the last step counts for that."""
        self.site.traffic.stop()
        if not self.steps:
            return
        known = sum(len(step.losses) + sum(step.apart.values()) for step in self.steps)
        late = self.site.apart.real(self.site.traffic.lost[known:])
        last = self.steps[-1]
        self.steps[-1] = replace(last, losses=(*last.losses, *late))


def outcome(step: Step) -> str:
    """A step in one line for a terminal."""
    seconds = "" if step.seconds is None else f"seen after {step.seconds:.2f} s; "
    servers = ", ".join(f"{s.name} {s.status}" for s in step.evidence.servers) or "no server"
    apart = "".join(f", {count} apart ({why})" for why, count in step.apart.items())
    counts = f"{step.counts.served} served, {len(step.losses)} lost{apart}"
    failed = f"\n  FAILED: {step.why_not}" if not step.ok else ""
    return f"{seconds}{servers}; {counts}{failed}"
