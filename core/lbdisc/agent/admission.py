"""What of a registry's state comes before the guard: as many as may be, who flaps now and then."""

from collections.abc import Iterator, Sequence

from lbdisc.agent.damping import Damping, Key, Waiting
from lbdisc.agent.limits import Limits, Most
from lbdisc.events import EndpointsCalm, EndpointsDamped, Event
from lbdisc.settings.tables import CoreSettings
from lbdisc.values import Endpoint, Snapshot

TOLD_EVERY = 1.0  # seconds between two events of who flaps
LOOKED_EVERY = 10.0  # seconds between two looks at who is calm again


def limits(settings: CoreSettings, known: Snapshot) -> Limits:
    """Those of the settings; ``known`` was served before, and comes first."""
    its = settings.endpoints
    most = Most(per_service=its.per_service, total=its.total, services=its.max_services)
    return Limits(most, settings.services, known)


class Admission:
    """``known`` was served before. Times are seconds of a clock that never goes back."""

    def __init__(self, settings: CoreSettings, known: Snapshot) -> None:
        self._limits = limits(settings, known)
        self._damping = Damping(settings.endpoints.flap_wait)
        self._flaps: dict[Key, Endpoint] = {}  # who was told to flap
        self._told = self._looked = float("-inf")

    @property
    def due(self) -> float | None:
        """When ``wait`` or ``news`` has something to do."""
        times = [self._damping.due]
        if self._flaps:
            times.append(self._looked + LOOKED_EVERY)
        if self._untold():
            times.append(self._told + TOLD_EVERY)
        return min((each for each in times if each is not None), default=None)

    def take(self, snapshot: Snapshot, now: float) -> Snapshot:
        """The registry's newest state as far as it may pass."""
        return self._damping.take(self._limits.take(snapshot), now)

    def wait(self, now: float) -> Snapshot:
        """The same state at a later time."""
        return self._damping.wait(now)

    def reloaded(self, because_of: Sequence[Endpoint], now: float) -> None:
        """The load balancer had to be reloaded because these came or changed."""
        self._damping.reloaded(because_of, now)

    def news(self, now: float) -> Iterator[Event]:
        """Who flaps since the last time, and who is calm again."""
        if now >= self._told + TOLD_EVERY and (new := self._untold()):
            self._told = now
            self._flaps |= {one.endpoint.key: one.endpoint for one in new}
            longest = max(one.until for one in new) - now
            yield EndpointsDamped(endpoints=tuple(one.endpoint for one in new), for_s=longest)
        if now >= self._looked + LOOKED_EVERY:
            self._looked = now
            calm = [key for key in self._flaps if self._damping.is_calm(key, now)]
            if calm:
                yield EndpointsCalm(endpoints=tuple(self._flaps.pop(key) for key in calm))

    def _untold(self) -> list[Waiting]:
        return [one for one in self._damping.waiting if one.endpoint.key not in self._flaps]
