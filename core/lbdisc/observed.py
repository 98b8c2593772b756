"""What a load balancer thinks of the servers that it has for endpoints."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lbdisc.values import Endpoint

HealthState = Literal["up", "down", "maintenance", "unchecked", "unknown"]


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """What the load balancer itself says of the server of ``endpoint``.

    ``up``: it sends traffic there, or would if the weight allowed. ``down``: its own checks failed.
    ``maintenance``: somebody took it out. ``unchecked``: it gets traffic and is never checked, so
    there is no evidence. ``unknown``: it has no such server, or cannot be asked. ``why`` holds the
    load balancer's own words in one line, such as ``HTTP 501 to HEAD /``, ``""`` where it has none.
    ``steady_s``: for how many seconds it has been so, 0 where that is not known.
    """

    endpoint: Endpoint
    state: HealthState
    why: str = ""
    steady_s: float = 0.0


# Of several servers for one endpoint the best counts: traffic reaches it through that one.
_BEST: tuple[HealthState, ...] = ("up", "unchecked", "down", "maintenance", "unknown")


def best(endpoint: Endpoint, found: Iterable[tuple[HealthState, str, float]]) -> ServerHealth:
    """The one word on ``endpoint`` where several of its servers are ``found``, or none.

    Each as in ``ServerHealth``: state, why, and for how long.
    """
    nobody: tuple[HealthState, str, float] = ("unknown", "no server", 0.0)
    state, why, steady = min(found, key=lambda one: _BEST.index(one[0]), default=nobody)
    return ServerHealth(endpoint, state, why, steady)
