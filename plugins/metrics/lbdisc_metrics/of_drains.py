"""Nodes that stop, and wait until this load balancer sends them nothing more."""

from collections.abc import Callable, Iterable, Iterator
from functools import singledispatchmethod

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from lbdisc import events
from lbdisc.handshake import asks
from lbdisc.values import Endpoint
from lbdisc_metrics.naming import ServiceLabels, counter, family, histogram

BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


class DrainMetrics:
    """An operator's own drains wait for nobody, and are not among these.

    ``clock`` is that of the events' ``monotonic_s``.
    """

    def __init__(
        self, registry: CollectorRegistry, services: ServiceLabels, clock: Callable[[], float]
    ) -> None:
        self._services = services
        self._clock = clock
        self._waiting: dict[tuple[str, str], float] = {}  # since when
        self._first = True  # whether what drained before this agent is still to be looked for
        self._over = counter(
            registry,
            "drains",
            "Drains that are over, by how: acknowledged by this agent, or ended without it",
            end=("acknowledged", "unacknowledged"),
        )
        self._duration = histogram(
            registry,
            "drain_duration_seconds",
            "From the load balancer's running an endpoint as draining to its last session's end",
            buckets=BUCKETS,
        )
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Of this moment, for the one who asks."""
        waiting, now = dict(self._waiting), self._clock()
        labels = [self._services.label(service) for service, _ in waiting]
        counts = [((name,), float(labels.count(name))) for name in self._services.all]
        text = "Endpoints that wait for this agent's word that no session is left on them"
        yield family("drains_waiting", text, ("service",), counts)
        oldest = now - min(waiting.values(), default=now)
        text = "How long the first of them waits, 0 while none does"
        yield family("drain_oldest_waiting_seconds", text, (), [((), oldest)])

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before somebody asks; the registry wants to hear that."""
        return self.collect()

    @singledispatchmethod
    def hear(self, event: events.Event) -> None:
        """Most events change nothing here."""

    @hear.register
    def _(self, event: events.GenerationApplied) -> None:
        if self._first:
            self._first = False
            self._begin(event.endpoints, event.monotonic_s)

    @hear.register
    def _(self, event: events.DrainBegun) -> None:
        self._begin(event.endpoints, event.monotonic_s)

    @hear.register
    def _(self, event: events.DrainAcknowledged) -> None:
        self._end(event.endpoints, event.monotonic_s, "acknowledged")

    @hear.register
    def _(self, event: events.DrainOver) -> None:
        self._end(event.endpoints, event.monotonic_s, "unacknowledged")

    def _begin(self, endpoints: Iterable[Endpoint], now: float) -> None:
        began = {e.key: self._waiting.get(e.key, now) for e in endpoints if asks(e)}
        self._waiting = self._waiting | began

    def _end(self, endpoints: Iterable[Endpoint], now: float, how: str) -> None:
        left = dict(self._waiting)
        for endpoint in endpoints:
            if (began := left.pop(endpoint.key, None)) is None:
                continue
            self._over.labels(how).inc()
            if how == "acknowledged":
                self._duration.observe(max(0.0, now - began))
        self._waiting = left
