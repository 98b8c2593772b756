"""The guard: a sudden mass loss is more often the registry's fault than the truth.

It sees every snapshot, before any is merged away, and passes on what may be balanced. An endpoint
that was draining before it vanished left cleanly and goes at once. When of a service more than
``max_loss`` (and at least two), or all, vanish otherwise within ``loss_window`` seconds, the ones
that are missing stay listed for ``loss_hold`` seconds; the load balancer's own checks decide
meanwhile who gets traffic. Time comes in as an argument, in seconds of a clock that never goes
back.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from lbdisc.settings.tables import GuardSettings
from lbdisc.values import Change, Endpoint, Snapshot

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Held:
    """An endpoint that is missing in the registry and stays listed until ``until``."""

    endpoint: Endpoint
    until: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be balanced; ``held`` and ``released`` name what has just been kept and let go."""

    snapshot: Snapshot
    held: tuple[Endpoint, ...] = ()
    released: tuple[Endpoint, ...] = ()


class Guard:
    """Judges snapshots. ``start`` is what was balanced before, as after a restart."""

    def __init__(self, settings: GuardSettings, start: Snapshot | None = None) -> None:
        self._settings = settings
        self._seen = start or Snapshot()
        self._lost: dict[Key, tuple[Endpoint, float]] = {}
        self._held: dict[Key, Held] = {}

    @property
    def held(self) -> tuple[Endpoint, ...]:
        """What is listed although the registry does not have it."""
        return tuple(sorted(held.endpoint for held in self._held.values()))

    @property
    def due(self) -> float | None:
        """When the next held endpoint is let go."""
        return min((held.until for held in self._held.values()), default=None)

    def judge(self, snapshot: Snapshot, now: float) -> Verdict:
        """Take in the registry's newest state."""
        change = snapshot.since(self._seen)
        self._note_losses(change, now)
        self._seen = snapshot
        for endpoint in change.added:
            self._held.pop(endpoint.key, None)
        return self._verdict(self._hold_mass_losses(now), self._release(now))

    def wait(self, now: float) -> Verdict:
        """Judge the same state at a later time."""
        return self._verdict((), self._release(now))

    def _verdict(self, held: Iterable[Endpoint], released: Iterable[Endpoint]) -> Verdict:
        listed = self._seen
        if self._held:
            listed = Snapshot.of((*listed.endpoints, *self.held), listed.problems)
        return Verdict(listed, tuple(held), tuple(released))

    def _note_losses(self, change: Change, now: float) -> None:
        for endpoint in change.added:
            self._lost.pop(endpoint.key, None)
        for endpoint in change.removed:
            if not endpoint.draining:
                self._lost[endpoint.key] = endpoint, now
        for key, (_, when) in list(self._lost.items()):
            if now - when > self._settings.loss_window:
                del self._lost[key]

    def _hold_mass_losses(self, now: float) -> tuple[Endpoint, ...]:
        if not (self._lost and self._settings.loss_hold):
            return ()
        lost: dict[str, list[Endpoint]] = defaultdict(list)
        for endpoint, _ in self._lost.values():
            lost[endpoint.service].append(endpoint)
        remaining = self._seen.services
        kept = [
            endpoint
            for service, endpoints in lost.items()
            if self._is_mass_loss(len(endpoints), len(remaining.get(service, ())))
            for endpoint in endpoints
            if endpoint.key not in self._held
        ]
        for endpoint in kept:
            when = self._lost[endpoint.key][1]
            self._held[endpoint.key] = Held(endpoint, when + self._settings.loss_hold)
        return tuple(sorted(kept))

    def _is_mass_loss(self, lost: int, remaining: int) -> bool:
        if not remaining:
            return True
        return lost >= 2 and lost > self._settings.max_loss * (lost + remaining)

    def _release(self, now: float) -> tuple[Endpoint, ...]:
        over = [held.endpoint for held in self._held.values() if held.until <= now]
        for endpoint in over:
            del self._held[endpoint.key]
            self._lost.pop(endpoint.key, None)
        return tuple(sorted(over))
