"""All metrics of one program, and the text of them."""

import time
from collections.abc import Callable, Iterator, Sequence
from threading import Lock

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.process_collector import ProcessCollector

from lbdisc import events
from lbdisc_metrics.health import Health
from lbdisc_metrics.naming import Measures, ServiceLabels, gauge
from lbdisc_metrics.of_applying import ApplyMetrics
from lbdisc_metrics.of_drains import DrainMetrics
from lbdisc_metrics.of_endpoints import EndpointMetrics
from lbdisc_metrics.of_fleet import FleetMetrics
from lbdisc_metrics.of_operators import OperatorMetrics
from lbdisc_metrics.of_program import ProgramMetrics
from lbdisc_metrics.of_register import RegisterMetrics
from lbdisc_metrics.of_registry import RegistryMetrics

FRESH = 0.25  # seconds that a text is given again to whoever asks meanwhile
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Measured:
    """What ``started`` measures, in a registry of its own; ``services`` may be named in labels.

    ``hear`` is for one thread, ``text`` for any.
    """

    def __init__(
        self,
        started: events.ProgramStarted,
        services: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._lock = Lock()
        self._texts: dict[str, tuple[float, bytes]] = {}
        ProcessCollector(registry=self.registry)
        self.health = Health(started, clock)
        alive = gauge(self.registry, "alive", "1 while /livez is good: the agent's loop turns")
        alive.set_function(lambda: not self.health.alive)
        self._parts = _parts(self.registry, started, ServiceLabels(services), clock)

    def hear(self, event: events.Event) -> None:
        """Count ``event`` in."""
        self.health.hear(event)
        for part in self._parts:
            part.hear(event)

    def text(self, kind: str) -> bytes:
        """All of them as ``TEXT`` or ``OPEN``, no older than ``FRESH``."""
        with self._lock:
            at, text = self._texts.get(kind, (float("-inf"), b""))
            now = self._clock()
            if now - at > FRESH:
                text = _rendered(_WithoutCreated(self.registry), kind)
                self._texts[kind] = now, text
            return text


def _rendered(registry: CollectorRegistry, kind: str) -> bytes:
    if kind == TEXT:
        return generate_latest(registry)
    found: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]  # has no types
    return found


def wanted(accept: str) -> str:
    """Which of the two somebody asks for who accepts that."""
    kinds = [each.split(";")[0].strip().lower() for each in accept.split(",")]
    return OPEN if "application/openmetrics-text" in kinds else TEXT


def _parts(
    registry: CollectorRegistry,
    started: events.ProgramStarted,
    services: ServiceLabels,
    clock: Callable[[], float],
) -> tuple[Measures, ...]:
    program = ProgramMetrics(registry, started)
    if started.program == "register":
        return program, RegisterMetrics(registry)
    return (
        program,
        RegistryMetrics(registry),
        ApplyMetrics(registry),
        EndpointMetrics(registry, services),
        DrainMetrics(registry, services, clock),
        FleetMetrics(registry),
        OperatorMetrics(registry),
    )


class _WithoutCreated(CollectorRegistry):
    """All of another registry, but for the time at which each series began: twice the series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._of = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._of.collect():
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            yield metric
