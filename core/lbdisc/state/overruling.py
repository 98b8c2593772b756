"""Operators' words on single endpoints: a stage between the guard and what is brought to life.

Pure: values and functions of snapshots. What the registry says of who is overruled goes along, so
that whoever starts from what was served knows what was to be served.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from lbdisc import records
from lbdisc.events.operator import Overruling
from lbdisc.handshake import DRAIN_TAG
from lbdisc.values import MAX_WEIGHT, Endpoint, Snapshot, check_name

MOST = 1000  # at a time
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Who ordered something, why, and from when to when, in unix seconds; for ever without an end.

    ``for_s`` is how long that was to be.
    """

    by: str
    since_s: float
    why: str = ""
    for_s: float | None = None

    @property
    def until_s(self) -> float | None:
        return None if self.for_s is None else self.since_s + self.for_s

    def is_over(self, now_s: float) -> bool:
        return self.until_s is not None and self.until_s <= now_s

    def not_later(self, now_s: float) -> "Term":
        """The same, begun now at the latest: of a clock that was set back nothing gets longer."""
        return replace(self, since_s=min(self.since_s, now_s))

    def moved(self, seconds: float) -> "Term":
        """The same, where the clock was set by so much."""
        return replace(self, since_s=self.since_s + seconds)

    def to_object(self) -> dict[str, Any]:
        return {"by": self.by, "why": self.why, "since_s": self.since_s, "for_s": self.for_s}

    @classmethod
    def from_object(cls, found: Mapping[str, Any]) -> "Term":
        """Raises ``ValueError``, ``KeyError``, ``TypeError``."""
        for_s = None if found["for_s"] is None else float(found["for_s"])
        since_s = float(found["since_s"])
        if not (math.isfinite(since_s) and (for_s is None or math.isfinite(for_s))):
            raise ValueError("a time that is none")
        return cls(by=str(found["by"]), why=str(found["why"]), since_s=since_s, for_s=for_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One endpoint that is as an operator says on this load balancer.

    ``weight`` goes with ``how`` ``weight``. ``registered`` is what the registry said last of it,
    ``None`` where it does not list it.
    """

    service: str
    name: str
    how: Overruling
    weight: int | None = None
    term: Term
    registered: Endpoint | None = None

    @property
    def key(self) -> Key:
        return self.service, self.name

    def of(self, endpoint: Endpoint) -> Endpoint | None:
        """``endpoint`` as the operator wants it, ``None`` where it is left out.

        One that drains by the registry's word goes on to, so that who waits for it is answered; an
        operator's drain is one that nobody waits for.
        """
        if self.how == "disable":
            return None
        if endpoint.draining:
            return endpoint
        if self.how == "weight":
            return replace(endpoint, weight=endpoint.weight if self.weight is None else self.weight)
        tags = tuple(tag for tag in endpoint.tags if tag[0] != DRAIN_TAG)
        return replace(endpoint.drain(), tags=tags)

    def to_object(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "name": self.name,
            "how": self.how,
            "weight": self.weight,
            **self.term.to_object(),
            "registered": self.registered and records.to_object(self.registered),
        }

    @classmethod
    def from_object(cls, found: Mapping[str, Any]) -> "Override":
        """Raises ``ValueError``, ``KeyError``, ``TypeError``."""
        service = check_name(found["service"], what="service")
        name, how, weight = check_name(found["name"]), found["how"], found["weight"]
        if how not in get_args(Overruling) or (how == "weight") != isinstance(weight, int):
            raise ValueError(f"no way to overrule an endpoint: {how}, weight {weight}")
        if weight is not None and not 0 <= weight <= MAX_WEIGHT:
            raise ValueError(f"no weight: {weight}")
        its = found["registered"]
        return cls(
            service=service,
            name=name,
            how=how,
            weight=weight,
            term=Term.from_object(found),
            registered=its and records.from_object(its, service=service, name=name),
        )


@dataclass(frozen=True, slots=True)
class Overrides:
    """All that are overruled, one word for each endpoint."""

    by_key: Mapping[Key, Override] = field(default_factory=dict)

    @classmethod
    def of(cls, overrides: Iterable[Override]) -> "Overrides":
        return cls({override.key: override for override in overrides})

    @property
    def all(self) -> tuple[Override, ...]:
        """In order."""
        return tuple(override for _, override in sorted(self.by_key.items()))

    def having(self, override: Override) -> "Overrides":
        """These, with ``override`` instead of what was said of its endpoint before."""
        return Overrides({**self.by_key, override.key: override})

    def without(self, keys: Iterable[Key]) -> "Overrides":
        gone = frozenset(keys)
        return Overrides({key: each for key, each in self.by_key.items() if key not in gone})

    def lasting(self, now_s: float) -> "Overrides":
        """Those whose time is not over."""
        return Overrides.of(each for each in self.all if not each.term.is_over(now_s))

    def overruled(self, snapshot: Snapshot) -> Snapshot:
        """``snapshot`` as operators want it; itself where they want nothing else."""
        put, gone = [], []
        for override in self.by_key.values():
            if (found := snapshot.get(override.key)) is None:
                continue
            if (wanted := override.of(found)) is None:
                gone.append(override.key)
            elif wanted != found:
                put.append(wanted)
        return snapshot.patched(put, gone) if put or gone else snapshot

    def seen(self, snapshot: Snapshot) -> "Overrides":
        """These, knowing what ``snapshot`` says; themselves where that is known."""
        found = {key: snapshot.get(key) for key in self.by_key}
        if all(self.by_key[key].registered == endpoint for key, endpoint in found.items()):
            return self
        return Overrides(
            {key: replace(each, registered=found[key]) for key, each in self.by_key.items()}
        )

    def restored(self, served: Snapshot) -> Snapshot:
        """What the registry had said, where ``served`` is what was made of it."""
        its = [each.registered for each in self.by_key.values() if each.registered is not None]
        return served.patched(its, ()) if its else served

    @property
    def left_out(self) -> frozenset[Key]:
        """Whom nothing is sent to at all."""
        return frozenset(key for key, each in self.by_key.items() if each.how == "disable")

    @property
    def unlisted(self) -> tuple[Override, ...]:
        """Those that the registry does not list."""
        return tuple(each for each in self.all if each.registered is None)


def stranded(before: Snapshot, after: Snapshot, service: str) -> bool:
    """Whether ``service`` had a server that takes new traffic, and has none now."""
    return _ready(before, service) and not _ready(after, service)


def _ready(snapshot: Snapshot, service: str) -> bool:
    its = snapshot.services.get(service, ())
    return any(not endpoint.draining and endpoint.weight for endpoint in its)
