"""The report as values: tasks, their steps, what each came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lbdisc_lab.demo.evidence import explain
from lbdisc_lab.tasks.evidence import Evidence
from lbdisc_lab.traffic import Counts, Loss

STATISTICS = "HAProxy's own statistics"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStep:
    """One step. ``seconds``: from its first command until what was wanted showed in ``where``.

    ``missing`` says what was not reached, empty if all was; ``apart`` counts losses that nothing
    could have served, by the reason.
    """

    name: str
    title: str
    wanted: str
    commands: tuple[str, ...] = ()
    seconds: float | None = None
    where: str = STATISTICS
    counts: Counts = field(default_factory=Counts)
    losses: tuple[Loss, ...] = ()
    apart: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    missing: str = ""

    @property
    def ok(self) -> bool:
        return not (self.missing or self.losses or self.evidence.flaw)

    @property
    def why_not(self) -> str:
        """What went wrong, in one line."""
        lost = explain(self.losses, len(self.losses)) if self.losses else ""
        return "; ".join(part for part in (self.missing, lost, self.evidence.flaw) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task of the lab, or several that one run answers."""

    name: str
    title: str
    question: str
    steps: tuple[TaskStep, ...]
    backend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStart:
    """Seconds from ``docker run`` to the first request served, several times."""

    what: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        ordered = sorted(self.seconds)
        middle = len(ordered) // 2
        return (ordered[middle] + ordered[-1 - middle]) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image: its size as the engine says, and its layers, base first, shortened."""

    name: str
    identity: str
    size: int
    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabReport:
    """The lab over one backend; ``left_out`` names what was not to be played."""

    backend: str
    rate: float
    versions: Mapping[str, str]
    images: tuple[Image, ...] = ()
    tasks: tuple[Task, ...] = ()
    starts: tuple[TaskStart, ...] = ()
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[TaskStep, ...]:
        return tuple(step for task in self.tasks for step in task.steps)

    @property
    def ok(self) -> bool:
        """Whether every step came to what was wanted, and no request was lost."""
        return not self.missing and all(step.ok for step in self.steps)

    @property
    def served(self) -> int:
        return sum(step.counts.served for step in self.steps)

    @property
    def early(self) -> int:
        return sum(step.counts.no_node_yet for step in self.steps)

    @property
    def lost(self) -> int:
        return sum(len(step.losses) for step in self.steps)

    @property
    def apart(self) -> int:
        return sum(sum(step.apart.values()) for step in self.steps)

    @property
    def base_layers(self) -> tuple[str, ...]:
        """The layers of the base image that every image built on it has too."""
        base = next((image.layers for image in self.images if image.name.endswith("/base")), ())
        built = [i.layers for i in self.images if i.layers[: len(base)] == base]
        return base if len(built) > 1 else ()
