"""What the page knows from events: a value that each event makes anew, and that never grows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import singledispatch

from lbdisc import events
from lbdisc.events.wording import sentence
from lbdisc.observed import ServerHealth
from lbdisc.showing import harmless
from lbdisc.values import Endpoint

KEPT = 50  # of the last events
JITTER = 3.0  # seconds by which two looks may differ on when a state began
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEvent:
    """One of the last events, in words; ``at_s`` in unix seconds."""

    at_s: float
    level: str
    text: str
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOpinion:
    """What the load balancer says of one server, and since when (unix seconds, 0 if unknown)."""

    health: ServerHealth
    since_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSeen:
    """``endpoints`` are those that run, ``total`` is how many the registry has of all services."""

    endpoints: tuple[Endpoint, ...] | None = None
    opinions: Mapping[Key, ServerOpinion] = field(default_factory=dict)
    total: int | None = None
    fleet: tuple[events.FleetAgent, ...] = ()
    acts: tuple[PageEvent, ...] = ()  # the newest first


def taken(seen: PageSeen, event: events.Event) -> PageSeen:
    """What is known once ``event`` was heard."""
    after = _with(event, seen)
    if event.level == "debug" or (isinstance(event, events.Trouble) and event.again):
        return after
    return replace(after, acts=(_act(event), *seen.acts[: KEPT - 1]))


def _act(event: events.Event) -> PageEvent:
    cause = "" if event.cause is None else harmless(str(event.cause), 200)
    return PageEvent(at_s=event.unix_s, level=event.level, text=sentence(event), cause=cause)


@singledispatch
def _with(_event: events.Event, seen: PageSeen) -> PageSeen:
    """Most events are only among the last ones."""
    return seen


@_with.register
def _(event: events.GenerationApplied, seen: PageSeen) -> PageSeen:
    return replace(seen, endpoints=event.endpoints)


@_with.register
def _(event: events.ServersObserved, seen: PageSeen) -> PageSeen:
    found = {one.endpoint.key: _opinion(one, event, seen) for one in event.servers}
    return replace(seen, opinions=found)


@_with.register
def _(event: events.RegistryNews, seen: PageSeen) -> PageSeen:
    return replace(seen, total=event.total)


@_with.register
def _(event: events.FleetSeen, seen: PageSeen) -> PageSeen:
    return replace(seen, fleet=event.agents)


def _opinion(health: ServerHealth, event: events.ServersObserved, seen: PageSeen) -> ServerOpinion:
    """One that has not changed keeps its time: each look rounds it differently."""
    since = round(event.unix_s - health.steady_s) if health.steady_s else 0.0
    before = seen.opinions.get(health.endpoint.key)
    if before and before.health.state == health.state and abs(before.since_s - since) <= JITTER:
        since = before.since_s
    return ServerOpinion(health=health, since_s=since)
