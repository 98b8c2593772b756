"""The other agents of the registry, and whether they are as this one."""

import time
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import singledispatchmethod

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from lbdisc import events, fleet
from lbdisc.values import Snapshot
from lbdisc_metrics.naming import family, gauge

PARTS = (*fleet.PARTS, "digest")


class FleetMetrics:
    """``wall`` is the clock of what agents say of themselves, in unix seconds."""

    def __init__(self, registry: CollectorRegistry, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._differs: dict[str, tuple[tuple[str, ...], float]] = {}  # by agent: in what, since
        self._served: events.GenerationApplied | None = None
        self._digest: tuple[events.GenerationApplied, float] | None = None
        self._agents = gauge(
            registry, "fleet_agents", "Agents that the registry lists, this one among them"
        )
        self._announced = gauge(
            registry,
            "agent_announced",
            "1 while the registry lists this agent, so that nodes that stop wait for it",
        )
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Of this moment, for the one who asks."""
        differs, now = dict(self._differs), self._wall()
        counts = Counter(part for parts, _ in differs.values() for part in parts)
        text = "Agents of the registry that are not as most of their fleet, by what differs"
        each = [((part,), float(counts[part])) for part in PARTS]
        yield family("fleet_differing_agents", text, ("part",), each)
        oldest = max((now - since for _, since in differs.values()), default=0.0)
        text = "For how long an agent of the registry has differed, 0 while all agree"
        yield family("fleet_differs_seconds", text, (), [((), max(0.0, oldest))])
        text = "What stands for all that is served: the same number, the same list; 0 for nothing"
        yield family("list_digest", text, (), [((), self._number())])

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before somebody asks; the registry wants to hear that."""
        return self.collect()

    def _number(self) -> float:
        served = self._served
        if served is None:
            return 0.0
        if self._digest is None or self._digest[0] is not served:
            self._digest = served, float(number(fleet.listed(Snapshot(served.endpoints))))
        return self._digest[1]

    @singledispatchmethod
    def hear(self, event: events.Event) -> None:
        """Most events change nothing here."""

    @hear.register
    def _(self, event: events.FleetSeen) -> None:
        before = self._differs
        self._agents.set(len(event.agents))
        self._differs = {
            one.agent: (one.differs, one.since or before.get(one.agent, ((), event.unix_s))[1])
            for one in event.agents
            if one.differs
        }

    @hear.register
    def _(self, event: events.GenerationApplied) -> None:
        self._served = event

    @hear.register
    def _(self, event: events.AgentAnnounced) -> None:
        self._announced.set(1)

    @hear.register
    def _(self, event: events.AgentNotAnnounced) -> None:
        self._announced.set(0)

    @hear.register
    def _(self, event: events.AgentWithdrawn) -> None:
        self._announced.set(0)


def number(digest: str) -> int:
    """The 30 bits of a digest of ``lbdisc.fleet``: no text, as each would be another series."""
    return int.from_bytes(urlsafe_b64decode(f"{digest}AAA"), "big") >> 18
