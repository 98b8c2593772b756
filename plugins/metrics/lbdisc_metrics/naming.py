"""How metrics are made: in a registry of ours, each with all its label values from the start."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from lbdisc import events
from lbdisc_metrics.words import OTHER

PREFIX = "lbdisc_"
# Seconds: from a change at run time to a start that waits for HAProxy.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Measures(Protocol):
    """Some metrics, and what they are made of: in one thread, while another may read them."""

    def hear(self, event: events.Event) -> None:
        """Count ``event`` in; most kinds change nothing."""


def counter(
    registry: CollectorRegistry, name: str, text: str, **labels: Collection[str]
) -> Counter:
    """A counter that begins with 0 for every combination of the values of its ``labels``."""
    made = Counter(PREFIX + name, text, tuple(labels), registry=registry)
    for values in _combined(tuple(labels.values())) if labels else ():
        made.labels(*values)
    return made


def gauge(registry: CollectorRegistry, name: str, text: str, **labels: Collection[str]) -> Gauge:
    """A gauge that begins with 0 likewise."""
    made = Gauge(PREFIX + name, text, tuple(labels), registry=registry)
    for values in _combined(tuple(labels.values())) if labels else ():
        made.labels(*values)
    return made


def histogram(
    registry: CollectorRegistry,
    name: str,
    text: str,
    *,
    buckets: Sequence[float] = BUCKETS,
    **labels: Collection[str],
) -> Histogram:
    """Durations in seconds."""
    made = Histogram(PREFIX + name, text, tuple(labels), buckets=buckets, registry=registry)
    for values in _combined(tuple(labels.values())) if labels else ():
        made.labels(*values)
    return made


def family(
    name: str, text: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]
) -> Metric:
    """A gauge that is worked out when somebody asks."""
    made = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for words, value in values:
        made.add_metric(words, value)
    return made


def _combined(choices: Sequence[Collection[str]]) -> Iterator[tuple[str, ...]]:
    if not choices:
        yield ()
        return
    for first in choices[0]:
        for rest in _combined(choices[1:]):
            yield (first, *rest)


class ServiceLabels:
    """The services that a label may name; whatever else a registry has is ``other``."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        self.all = (*names, OTHER)

    def label(self, service: str) -> str:
        return service if service in self._names else OTHER
