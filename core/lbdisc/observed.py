"""What a load balancer thinks of the servers that it has for endpoints."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from lbdisc.values import Endpoint

HealthState = Literal["up", "down", "maintenance", "unchecked", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLoad:
    """What a load balancer has counted for one server since it has it.

    ``sessions`` and ``queued`` are there now; ``requests`` came so far (connections, where it does
    not look into them), ``errors`` of them failed to connect, broke off or were answered with 5xx.
    """

    sessions: int = 0
    queued: int = 0
    requests: int = 0
    errors: int = 0

    def __add__(self, other: "ServerLoad") -> "ServerLoad":
        return ServerLoad(
            sessions=self.sessions + other.sessions,
            queued=self.queued + other.queued,
            requests=self.requests + other.requests,
            errors=self.errors + other.errors,
        )


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """What the load balancer itself says of the server of ``endpoint``.

    ``up``: it sends traffic there, or would if the weight allowed. ``down``: its own checks failed.
    ``maintenance``: somebody took it out. ``unchecked``: it gets traffic and is never checked, so
    there is no evidence. ``unknown``: it has no such server, or cannot be asked. ``why`` holds the
    load balancer's own words in one line, such as ``HTTP 501 to HEAD /``, ``""`` where it has none.
    ``steady_s``: for how many seconds it has been so, 0 where that is not known. ``load`` is
    ``None`` where the load balancer does not count.
    """

    endpoint: Endpoint
    state: HealthState
    why: str = ""
    steady_s: float = 0.0
    load: ServerLoad | None = None


# Of several servers for one endpoint the best counts: traffic reaches it through that one.
_BEST: tuple[HealthState, ...] = ("up", "unchecked", "down", "maintenance", "unknown")


Word = tuple[HealthState, str, float, ServerLoad | None]


def best(endpoint: Endpoint, found: Iterable[Word]) -> ServerHealth:
    """The one word on ``endpoint`` where several of its servers are ``found``, or none.

    Each as in ``ServerHealth``: state, why, for how long, and its load; loads add up.
    """
    words: Sequence[Word] = tuple(found)
    nobody: Word = ("unknown", "no server", 0.0, None)
    state, why, steady, load = min(words, key=lambda one: _BEST.index(one[0]), default=nobody)
    if len(words) > 1:
        load = sum((one[3] for one in words if one[3] is not None), ServerLoad())
    return ServerHealth(endpoint, state, why, steady, load)
