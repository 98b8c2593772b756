"""What the guard holds, and what of it outlives a restart of the agent."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from lbdisc import records
from lbdisc.errors import EntryError
from lbdisc.observed import HealthState
from lbdisc.values import Endpoint, Snapshot

By = Literal["guard", "operator"]
VERSION = 1
FEW = 100  # to sort all costs less than to put more than so many in their place


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An endpoint that stays listed although the registry does not have it (so).

    ``since`` and ``until`` are times of the guard's clock; ``until`` is ``None`` where no time is
    set at which it goes. ``came`` is since when the registry had it. ``state`` and ``says`` are
    the load balancer's last word on it in ``looks`` looks, ``down_since`` since when that has been
    ``down``.
    """

    endpoint: Endpoint
    since: float
    until: float | None
    why: str
    by: By = "guard"
    came: float = float("-inf")
    state: HealthState = "unknown"
    says: str = ""
    looks: int = 0
    down_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardMemory:
    """What a guard has to know of the one before it, in times of its own clock.

    ``balanced`` is all that was passed on, what is held included; ``most`` the number that each
    service had when something of it was held; ``pinned`` what an operator holds.
    """

    balanced: Snapshot = field(default_factory=Snapshot)
    held: tuple[Held, ...] = ()
    pinned: tuple[Endpoint, ...] = ()
    most: Mapping[str, int] = field(default_factory=dict)

    def only(self, services: Iterable[str]) -> "GuardMemory":
        """The part that belongs to ``services``."""
        wanted = frozenset(services)
        return GuardMemory(
            balanced=self.balanced.only(wanted),
            held=tuple(held for held in self.held if held.endpoint.service in wanted),
            pinned=tuple(endpoint for endpoint in self.pinned if endpoint.service in wanted),
            most={service: most for service, most in self.most.items() if service in wanted},
        )

    def to_object(self, ahead: float) -> dict[str, Any]:
        """Ready for JSON, without ``balanced``; the wall clock is ``ahead`` of the guard's."""
        return {
            "guard": VERSION,
            "held": [
                {
                    **_named(held.endpoint),
                    "since": held.since + ahead,
                    "until": None if held.until is None else held.until + ahead,
                    "why": held.why,
                    "by": held.by,
                    "health": held.state,
                    "says": held.says,
                }
                for held in self.held
            ],
            "pinned": [_named(endpoint) for endpoint in self.pinned],
            "most": dict(self.most),
        }

    @classmethod
    def from_object(cls, found: object, *, ahead: float, now: float) -> "GuardMemory":
        """What ``to_object`` made. Raises ``ValueError`` for anything else.

        No time of a hold is in the future, whatever the wall clock did meanwhile.
        """
        if not isinstance(found, dict) or found.get("guard") != VERSION:
            raise ValueError(f"no memory of a guard of version {VERSION}")
        try:
            return cls(
                held=tuple(_held(part, ahead, now) for part in found["held"]),
                pinned=tuple(_endpoint(part) for part in found["pinned"]),
                most={str(service): int(most) for service, most in found["most"].items()},
            )
        except (KeyError, TypeError, AttributeError, EntryError) as error:
            raise ValueError(f"no memory of a guard: {error!r}") from error

    def with_balanced(self, balanced: Snapshot) -> "GuardMemory":
        """The same over ``balanced``, which what is held belongs to in any case."""
        return replace(self, balanced=with_held(balanced, self.held))


def with_held(snapshot: Snapshot, all_held: Collection[Held]) -> Snapshot:
    """``snapshot`` with what is held in place of what it has of these names."""
    endpoints = [held.endpoint for held in all_held]
    if len(endpoints) < FEW:
        return snapshot.patched(endpoints, ())
    keys = {endpoint.key for endpoint in endpoints}
    others = (endpoint for endpoint in snapshot.endpoints if endpoint.key not in keys)
    return Snapshot.of((*others, *endpoints), snapshot.problems, snapshot.more)


def _named(endpoint: Endpoint) -> dict[str, Any]:
    record = records.to_object(endpoint)
    return {"service": endpoint.service, "name": endpoint.name, **record}


def _endpoint(part: Any) -> Endpoint:
    return records.from_object(part, service=part["service"], name=part["name"])


def _held(part: Any, ahead: float, now: float) -> Held:
    since, until = float(part["since"]) - ahead, part["until"]
    late = max(since - now, 0.0)
    return Held(
        endpoint=_endpoint(part),
        since=since - late,
        until=None if until is None else float(until) - ahead - late,
        why=str(part["why"]),
        by="operator" if part["by"] == "operator" else "guard",
        state="up" if part["health"] == "up" else "unknown",
    )
