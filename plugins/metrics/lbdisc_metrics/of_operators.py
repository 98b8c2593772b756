"""What operators do to this agent."""

from functools import singledispatchmethod

from prometheus_client import CollectorRegistry

from lbdisc import events
from lbdisc_metrics.naming import counter, gauge

HOW = ("drain", "disable", "weight")
ACTIONS = ("pause", "resume", "pin", *HOW, "undo")


class OperatorMetrics:
    """What is in force now, and how often somebody did what; never who or why."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._paused = gauge(
            registry, "paused", "1 while nothing is applied, by an operator's word"
        )
        self._paused_at = gauge(
            registry, "paused_since_timestamp_seconds", "Since when that is so, 0 while it is not"
        )
        self._pinned = gauge(
            registry, "pinned_generation", "The generation of before that is to run, 0 for none"
        )
        self._overruled = gauge(
            registry,
            "overruled_endpoints",
            "Endpoints that are as an operator says, not the registry",
            how=HOW,
        )
        self._actions = counter(
            registry,
            "operator_actions",
            "What operators did, or what ended by itself",
            action=ACTIONS,
        )
        self._in_force: dict[tuple[str, str], str] = {}

    @singledispatchmethod
    def hear(self, event: events.Event) -> None:
        """Most events change nothing here."""

    @hear.register
    def _(self, event: events.ApplyingPaused) -> None:
        self._count("pause", event.since_s)
        self._paused.set(1)
        self._paused_at.set(event.since_s or event.unix_s)

    @hear.register
    def _(self, event: events.ApplyingResumed) -> None:
        self._actions.labels("resume").inc()
        self._paused.set(0)
        self._paused_at.set(0)
        self._pinned.set(0)

    @hear.register
    def _(self, event: events.GenerationPinned) -> None:
        self._count("pin", event.since_s)
        self._pinned.set(event.pinned)

    @hear.register
    def _(self, event: events.EndpointOverruled) -> None:
        self._count(event.how, event.since_s)
        self._in_force[event.service, event.endpoint] = event.how
        self._show()

    @hear.register
    def _(self, event: events.OverrulingEnded) -> None:
        self._actions.labels("undo").inc()
        self._in_force.pop((event.service, event.endpoint), None)
        self._show()

    def _count(self, action: str, since_s: float | None) -> None:
        """What was ordered before this start is in force, and no action of now."""
        if since_s is None:
            self._actions.labels(action).inc()

    def _show(self) -> None:
        words = list(self._in_force.values())
        for how in HOW:
            self._overruled.labels(how).set(words.count(how))
