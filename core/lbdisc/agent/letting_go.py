"""When what is held may go: by the load balancer's word, and by the clock."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from lbdisc.agent.held import Held
from lbdisc.agent.holds import TINY, Holds
from lbdisc.agent.places import Place
from lbdisc.observed import HealthState, ServerHealth
from lbdisc.settings.tables import GuardSettings

STEADY = 3.0  # seconds; HAProxy marks down at one failed connection, and up again 2 s later
NO_USE = ("down", "maintenance")


class Leniency:
    """Lets go of what the guard ``holds``; with ``asks`` no clock does before the first look."""

    def __init__(self, settings: GuardSettings, holds: Holds, *, asks: bool) -> None:
        self._settings = settings
        self._holds = holds
        self._asks = asks
        self._health: dict[Place, HealthState] = {}

    @property
    def due(self) -> float | None:
        """When something that is held may go by the clock."""
        times = (held.until for held in self._holds.held.values() if self._may_go(held))
        return min((until for until in times if until is not None), default=None)

    def see(self, found: ServerHealth, now: float) -> None:
        """Take in what the load balancer said of one when it was asked at ``now``."""
        place = Place.of(found.endpoint)
        self._health[place] = found.state
        held = self._holds.held.get(place)
        if held is not None and held.since < now:
            self._weigh(place, held, found, now)

    def _weigh(self, place: Place, held: Held, found: ServerHealth, now: float) -> None:
        """A look that finds it down steadily lets it go; one that finds nothing out, does not."""
        down_since = None
        if found.state == "down":
            down_since = now if held.down_since is None else held.down_since
        if held.by == "guard" and down_since is not None and now - down_since >= STEADY:
            self._holds.let_go(place, f"down: {found.why}" if found.why else "down")
            return
        self._holds.held[place] = replace(
            held,
            state=held.state if found.state == "unknown" else found.state,
            says=found.why,
            looks=held.looks + 1,
            down_since=down_since,
        )

    def _may_go(self, held: Held) -> bool:
        """Whether a clock may let it go; not before the first look at it."""
        return held.by == "guard" and (held.looks > 0 or not self._asks)

    def by_clock(self, now: float) -> None:
        """Let those go whose time is over and whom their service can do without."""
        over: dict[str, list[Place]] = defaultdict(list)
        for place, held in list(self._holds.held.items()):
            if self._may_go(held) and (held.until is None or held.until <= now):
                self._holds.held[place] = replace(held, until=None)
                over[place.service].append(place)
        for service, places in over.items():
            self._let_some_go(service, sorted(places))

    def _let_some_go(self, service: str, over: Sequence[Place]) -> None:
        """Of those whose time is ``over`` let go whom the service can do without."""
        here = sum(1 for p in self._holds.pools[service].here if self._health.get(p) not in NO_USE)
        mine = self._holds.of(service)
        here += sum(1 for _, held in mine if held.by == "operator" and held.state not in NO_USE)
        if not here:
            return
        serving = here + sum(1 for _, held in mine if held.by == "guard" and held.state == "up")
        least = (1 - self._settings.max_loss) * self._holds.pools[service].kept - TINY
        for place in over:
            held = self._holds.held[place]
            if held.state == "up" and serving - 1 < least:
                continue
            serving -= held.state == "up"
            self._holds.end(place, "loss_hold is over")
