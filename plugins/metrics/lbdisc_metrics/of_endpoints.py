"""Who is served, held, left out or overruled, and what the load balancer thinks of each."""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import singledispatchmethod

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from lbdisc import events
from lbdisc.observed import ServerHealth
from lbdisc.values import Endpoint, Problem
from lbdisc_metrics.naming import ServiceLabels, counter, family, gauge
from lbdisc_metrics.words import OTHER

STATES = ("ready", "draining", "held", "skipped", "overruled")
SERVERS = ("up", "down", "maintenance", "unchecked", "unknown")


class EndpointMetrics:
    """Counts of each service and state; what is long is counted when somebody asks."""

    def __init__(self, registry: CollectorRegistry, services: ServiceLabels) -> None:
        self._services = services
        self._served: tuple[Endpoint, ...] = ()
        self._servers: tuple[ServerHealth, ...] = ()
        self._held: frozenset[tuple[str, str]] = frozenset()
        self._overruled: frozenset[tuple[str, str]] = frozenset()
        self._skipped: frozenset[Problem] = frozenset()
        self._more = 0  # skipped beside those
        self._holds = counter(
            registry,
            "guard_holds",
            "Endpoints that stayed listed though the registry lost them",
            service=services.all,
        )
        self._releases = counter(
            registry,
            "guard_releases",
            "Endpoints that the guard holds no more, by whether they are listed again",
            service=services.all,
            returned=("true", "false"),
        )
        self._answers = gauge(
            registry,
            "load_balancer_answers",
            "1 while the load balancer says how its servers are",
        )
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Of this moment, for the one who asks."""
        yield self._by_state(
            "endpoints",
            "Endpoints by service and state; held and overruled are among those that are served",
            self._states(),
            STATES,
        )
        servers = [(one.endpoint.service, one.state) for one in self._servers if _counts(one)]
        yield self._by_state(
            "servers",
            "Servers that the load balancer has for what is served, by what it finds of them",
            servers,
            SERVERS,
        )
        yield from self._loads()

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before somebody asks; the registry wants to hear that."""
        return self.collect()

    def _states(self) -> Iterator[tuple[str, str]]:
        for endpoint in self._served:
            yield endpoint.service, "draining" if endpoint.draining else "ready"
        yield from ((service, "held") for service, _ in self._held)
        yield from ((service, "overruled") for service, _ in self._overruled)
        for problem in self._skipped:
            yield self._service_of(problem), "skipped"
        yield from ((OTHER, "skipped") for _ in range(self._more))

    def _service_of(self, problem: Problem) -> str:
        """The service that its place in the registry names, as ``nodes/web-1`` does."""
        parts = problem.where.replace(":", "/").split("/")
        return next((part for part in parts if part in self._services.all), OTHER)

    def _by_state(
        self, name: str, text: str, found: Iterable[tuple[str, str]], states: tuple[str, ...]
    ) -> Metric:
        counts = Counter((self._services.label(service), state) for service, state in found)
        labels = [(service, state) for service in self._services.all for state in states]
        return family(name, text, ("service", "state"), [(each, counts[each]) for each in labels])

    def _loads(self) -> Iterator[Metric]:
        for what, text in (
            ("sessions", "Sessions that the load balancer has now with servers of the service"),
            ("queued", "Requests that wait for a server of the service"),
        ):
            sums: Counter[str] = Counter()
            for one in self._servers:
                if one.load is not None:
                    label = self._services.label(one.endpoint.service)
                    sums[label] += getattr(one.load, what)
            values = [((service,), float(sums[service])) for service in self._services.all]
            yield family(f"service_{what}", text, ("service",), values)

    @singledispatchmethod
    def hear(self, event: events.Event) -> None:
        """Most events change nothing here."""

    @hear.register
    def _(self, event: events.GenerationApplied) -> None:
        self._served = event.endpoints

    @hear.register
    def _(self, event: events.ServersObserved) -> None:
        self._servers = event.servers
        self._answers.set(not event.unanswered)

    @hear.register
    def _(self, event: events.EndpointsHeld) -> None:
        self._held |= {endpoint.key for endpoint in event.endpoints}
        for endpoint in event.endpoints:
            self._holds.labels(self._services.label(endpoint.service)).inc()

    @hear.register
    def _(self, event: events.EndpointsReleased) -> None:
        self._held -= {endpoint.key for endpoint in event.endpoints}
        returned = "true" if event.returned else "false"
        for endpoint in event.endpoints:
            self._releases.labels(self._services.label(endpoint.service), returned).inc()

    @hear.register
    def _(self, event: events.EntriesSkipped) -> None:
        self._skipped |= set(event.entries)
        self._more = event.more

    @hear.register
    def _(self, event: events.EntriesMended) -> None:
        self._skipped -= set(event.entries)
        self._more = event.more

    @hear.register
    def _(self, event: events.EndpointOverruled) -> None:
        self._overruled |= {(event.service, event.endpoint)}

    @hear.register
    def _(self, event: events.OverrulingEnded) -> None:
        self._overruled -= {(event.service, event.endpoint)}


def _counts(one: ServerHealth) -> bool:
    """Whether it is to get traffic: who drains is not missed."""
    return not one.endpoint.draining
