"""The agent's own entry, and what it acknowledges of those that drain."""

from dataclasses import dataclass, field
from typing import ClassVar

from lbdisc.events.base import Event, Level, Trouble
from lbdisc.values import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainBegun(Event):
    """The load balancer runs ``endpoints`` as draining: no new traffic, sessions finish."""

    name: ClassVar[str] = "drain begun"
    level: ClassVar[Level] = "debug"
    generation: int
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainAcknowledged(Event):
    """No session is left on ``endpoints``; the agent says so in the registry."""

    name: ClassVar[str] = "drain acknowledged"
    generation: int
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementsFull(Event):
    """``drained`` endpoints are to be acknowledged, and an agent's entry has ``room`` for fewer.

    The others take their turn as these leave; who stops meanwhile waits longer.
    """

    name: ClassVar[str] = "more drains than can be acknowledged at once"
    level: ClassVar[Level] = "warning"
    drained: int
    room: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainOver(Event):
    """``endpoints`` were draining in what runs, and are gone or ready again."""

    name: ClassVar[str] = "drain over"
    level: ClassVar[Level] = "debug"
    generation: int
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetAgent:
    """An agent that the registry lists, this one among them.

    ``differs`` are the parts in which it is not as most of its fleet (``fleet.PARTS``), ``since``
    (unix seconds) it has been so, 0 where that is not known. ``waits`` are the draining endpoints
    that it still sends traffic to.
    """

    agent: str
    address: str
    services: tuple[str, ...] = ()
    version: str = ""
    differs: tuple[str, ...] = ()
    since: float = 0.0
    waits: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.agent} ({', '.join(self.differs)})" if self.differs else self.agent


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSeen(Event):
    """The ``agents`` of the registry are others, or say something else than before."""

    name: ClassVar[str] = "agents"
    level: ClassVar[Level] = "debug"
    agents: tuple[FleetAgent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAnnounced(Event):
    """The registry lists this agent: nodes that stop wait for it."""

    name: ClassVar[str] = "announced"
    agent: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentNotAnnounced(Trouble):
    """The registry cannot list this agent now: nodes that stop do not wait for it."""

    name: ClassVar[str] = "not announced"
    level: ClassVar[Level] = "warning"
    trace: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentWithdrawn(Event):
    """The registry does not list this agent any more; ``error`` is why it may, for a while."""

    name: ClassVar[str] = "withdrawn"
    level: ClassVar[Level] = "debug"
    error: str = ""
