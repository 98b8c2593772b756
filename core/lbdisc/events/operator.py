"""What operators do to an agent that runs: who, when and why. The audit trail is these.

``by`` is a user's name and number, such as ``ana (1000)``; ``why`` the operator's own words.
``until_s`` is when it ends by itself, in unix seconds, ``None`` where it does not. ``since_s`` is
when it was ordered, where that was before this start of the agent, or before somebody set the
clock: it is told again then.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from lbdisc.events.base import Event, Level

Overruling = Literal["drain", "disable", "weight"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyingPaused(Event):
    """The agent follows and plans, and applies nothing."""

    name: ClassVar[str] = "paused"
    level: ClassVar[Level] = "warning"
    by: str
    why: str = ""
    until_s: float | None = None
    since_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyingResumed(Event):
    """The agent applies again; no generation is pinned any more."""

    name: ClassVar[str] = "resumed"
    by: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationPinned(Event):
    """The texts of ``pinned``, a generation of before, are to run until ``ApplyingResumed``."""

    name: ClassVar[str] = "pinned"
    level: ClassVar[Level] = "warning"
    pinned: int
    digest: str
    by: str
    why: str = ""
    since_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOverruled(Event):
    """On this load balancer ``service/endpoint`` is as the operator says, not the registry.

    ``weight`` goes with ``how`` ``weight``.
    """

    name: ClassVar[str] = "overruled"
    level: ClassVar[Level] = "warning"
    service: str
    endpoint: str
    how: Overruling
    weight: int | None = None
    by: str
    why: str = ""
    until_s: float | None = None
    since_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrulingEnded(Event):
    """``service/endpoint`` is as the registry says again. ``why``: undone, or its time is over."""

    name: ClassVar[str] = "overruled no more"
    service: str
    endpoint: str
    how: Overruling
    by: str
    why: str = ""
