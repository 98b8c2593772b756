"""What the load balancer thinks of its servers, summed up for each service."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from lbdisc.observed import ServerHealth

MOST = 50  # servers of a service that are named as not up


@dataclass(frozen=True, slots=True)
class Observed:
    """``services`` by name, as they stand in the status; ``None`` where the reloader cannot tell.

    ``lingering`` holds the ages in seconds of old processes that still finish what they have.
    """

    services: dict[str, dict[str, Any]] | None = None
    lingering: tuple[int, ...] | None = None
    unanswered: str = ""  # why the load balancer says nothing of any server
    servers: tuple[ServerHealth, ...] = ()

    @classmethod
    def of(cls, health: Sequence[ServerHealth] | None, lingering: Sequence[int] | None) -> Self:
        """What was said of the endpoints that are balanced, and of old processes."""
        ages = None if lingering is None else tuple(sorted(lingering, reverse=True))
        if health is None:
            return cls(None, ages)
        by_service: dict[str, list[ServerHealth]] = defaultdict(list)
        for one in health:
            if not one.endpoint.draining:
                by_service[one.endpoint.service].append(one)
        services = {name: _summary(found) for name, found in sorted(by_service.items())}
        whys = {one.why for one in health}
        silent = all(one.state == "unknown" and one.why for one in health)
        return cls(services, ages, min(whys) if whys and silent else "", tuple(health))


def _summary(found: Sequence[ServerHealth]) -> dict[str, Any]:
    """How many of a service are up, and what is said of the others: the most frequent first."""
    states = Counter(one.state for one in found)
    others = [one for one in found if one.state not in ("up", "unchecked")]
    whys = Counter(one.why or one.state for one in others)
    return {
        "servers": len(found),
        "up": states["up"] + states["unchecked"],
        "unchecked": states["unchecked"],
        "unknown": states["unknown"],
        "why": whys.most_common(1)[0][0] if whys else "",
        "not_up": [
            {"name": one.endpoint.name, "state": one.state, "why": one.why} for one in others[:MOST]
        ],
    }
