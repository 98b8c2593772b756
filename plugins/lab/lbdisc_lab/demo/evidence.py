"""What the demo saw: steps, what each left in HAProxy's statistics, and the verdict; all values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lbdisc_lab.stats import Row
from lbdisc_lab.traffic import Counts, Loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the lab's last task: what is started and stopped, and who serves after it."""

    number: int
    title: str
    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    serving: tuple[str, ...] = ()


STEPS = (
    Step(number=1, title="the balancer alone"),
    Step(number=2, title="start s1, s2", start=("s1", "s2"), serving=("s1", "s2")),
    Step(
        number=3,
        title="start s3, s4, s5",
        start=("s3", "s4", "s5"),
        serving=("s1", "s2", "s3", "s4", "s5"),
    ),
    Step(number=4, title="stop s1, s3", stop=("s1", "s3"), serving=("s2", "s4", "s5")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The end of a step. ``seconds``: from its start until HAProxy's statistics were as wanted.

    ``gone`` is the same until stopped nodes were listed no more, in no state at all.
    """

    step: Step
    seconds: float
    gone: float | None = None
    servers: Mapping[str, Row] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    generation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport:
    """The whole demo. ``missing`` says what was not seen, one line each."""

    backend: str
    versions: Mapping[str, str]
    rate: float
    steps: tuple[Seen, ...] = ()
    counts: Counts = field(default_factory=Counts)
    losses: tuple[Loss, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every step was seen and no request was lost."""
        return not self.missing and not self.counts.lost and len(self.steps) == len(STEPS)

    def to_object(self) -> dict[str, object]:
        """The report as a JSON-ready object."""
        return {
            "ok": self.ok,
            "missing": list(self.missing),
            "backend": self.backend,
            "versions": dict(self.versions),
            "rate": self.rate,
            "requests": self.counts.requests,
            "served": self.counts.served,
            "no_node_yet": self.counts.no_node_yet,
            "lost": self.counts.lost,
            "losses": [
                {"at": round(loss.at, 3), "reason": loss.reason, "after": round(loss.after, 3)}
                for loss in self.losses
            ],
            "latency_ms": {
                "median": self.counts.median,
                "p95": self.counts.p95,
                "slowest": self.counts.slowest,
            },
            "steps": [_step_object(seen) for seen in self.steps],
        }


def _step_object(seen: Seen) -> dict[str, object]:
    return {
        "step": seen.step.number,
        "title": seen.step.title,
        "seconds": round(seen.seconds, 3),
        "gone_seconds": None if seen.gone is None else round(seen.gone, 3),
        "generation": seen.generation,
        "requests": seen.counts.requests,
        "no_node_yet": seen.counts.no_node_yet,
        "lost": seen.counts.lost,
        "nodes": {
            name: {
                "status": row.status,
                "sessions": row.sessions,
                "requests": seen.counts.nodes.get(name, 0),
            }
            for name, row in seen.servers.items()
        },
    }


def explain(losses: Sequence[Loss], count: int) -> str:
    """Why requests were lost, in one line: ``3 requests lost: 2 × reset, 1 × status 502``."""
    reasons: dict[str, int] = {}
    for loss in losses:
        reasons[loss.reason] = reasons.get(loss.reason, 0) + 1
    named = ", ".join(f"{times} × {reason}" for reason, times in sorted(reasons.items()))
    return f"{count} request{'s' if count > 1 else ''} lost: {named}"


def listing(servers: Mapping[str, Row]) -> str:
    """The servers and their states in one line."""
    return ", ".join(f"{name} {row.status}" for name, row in servers.items()) or "no server"
