"""Where something is held, beside who is there: what a mass loss took, and what is back."""

from collections import defaultdict
from collections.abc import Callable

from lbdisc.agent.held import GuardMemory, Held
from lbdisc.agent.places import NEVER, Place, Places
from lbdisc.agent.pool import Pool
from lbdisc.agent.verdict import IS_BACK, Released
from lbdisc.settings.tables import GuardSettings
from lbdisc.values import Endpoint

TINY = 1e-9  # shares are no whole numbers


class Holds:
    """What is ``held``, the ``places`` that are listed, and a pool for each service.

    ``memory`` is what an earlier guard knew; ``refuses`` as in ``Guard``. Times are seconds of the
    caller's clock.
    """

    def __init__(
        self, settings: GuardSettings, memory: GuardMemory, refuses: Callable[[Endpoint], str]
    ) -> None:
        self._settings = settings
        self._refuses = refuses
        self._released: list[Released] = []
        self.held = {Place.of(held.endpoint): held for held in memory.held}
        here = memory.balanced.patched((), [held.endpoint.key for held in memory.held])
        self.places = Places(here)
        self.pools: dict[str, Pool] = defaultdict(lambda: Pool(settings.loss_window))
        for endpoint in here.endpoints:
            if not endpoint.draining:
                self.pools[endpoint.service].comes(endpoint, NEVER)
        for service, most in memory.most.items():
            self.pools[service].kept = most

    @property
    def all(self) -> tuple[Held, ...]:
        """Everything that is held, in order."""
        return tuple(sorted(self.held.values(), key=lambda held: held.endpoint))

    @property
    def services(self) -> set[str]:
        """Those of which something is held."""
        return {place.service for place in self.held}

    def of(self, service: str) -> list[tuple[Place, Held]]:
        """What of ``service`` is held."""
        return [(place, held) for place, held in self.held.items() if place.service == service]

    def came(self, place: Place) -> float | None:
        """Since when it has been there, or was when it got lost."""
        return self.pools[place.service].came(place)

    def released(self) -> tuple[Released, ...]:
        """Who was let go since the last call."""
        released, self._released = tuple(self._released), []
        return released

    def over(self) -> None:
        """Forget what services had of which nothing is held any more."""
        services = self.services
        for service, pool in self.pools.items():
            if service not in services:
                pool.kept = 0

    def take(self, place: Place, now: float) -> None:
        """Who counts at ``place`` may be another than before, or nobody."""
        pool, endpoint = self.pools[place.service], self.places.at(place)
        if endpoint is None:
            if place in pool.here:
                self._is_gone(place, now)
            return
        held = self.held.get(place)
        if held is not None and held.by == "guard":
            self.is_back(place, endpoint)
            came = held.came
        else:
            came = None
        if endpoint.draining:
            pool.leaves(place, came)
        else:
            pool.comes(endpoint, now if came is None else came)

    def _is_gone(self, place: Place, now: float) -> None:
        """Who may not be served is no loss."""
        pool = self.pools[place.service]
        if self._refuses(pool.here[place][0]):
            pool.leaves(place)
        else:
            pool.vanishes(place, now)

    def drop_refused(self) -> None:
        """Let go of who may not be served."""
        for place, held in list(self.held.items()):
            if why := self._refuses(held.endpoint):
                self.let_go(place, f"refused: {why}")

    def is_back(self, place: Place, endpoint: Endpoint) -> None:
        """``endpoint`` is listed where something is held, which needs no holding any more."""
        held = self.held.pop(place)
        same = held.endpoint.key == endpoint.key
        why = IS_BACK if same else f"{endpoint.name} has its address now"
        self._released.append(Released(why, held.endpoint))

    def drop_reused(self) -> None:
        """Who is listed elsewhere, or whose address is another service's, is no loss."""
        for place, held in list(self.held.items()):
            now_at = self.places.entry(held.endpoint.key)
            if now_at is not None and Place.of(now_at) != place:
                del self.held[place]
                self._released.append(
                    Released(f"listed again, at {now_at.host_port}", held.endpoint)
                )
            elif self.places.reused(place, held.came):
                self.let_go(place, "another service has its address now")
        for pool in self.pools.values():
            for place, lost in list(pool.lost.items()):
                if self.places.entry(lost.endpoint.key) is not None:
                    del pool.lost[place]
                elif self.places.reused(place, lost.came):
                    pool.leaves(place)

    def hold_lost(self, service: str, now: float) -> None:
        """Hold what a mass loss took from ``service``, if there was one."""
        pool = self.pools[service]
        most, remain = pool.most(now), len(pool.here)
        missing = most - remain
        mass = missing > self._settings.max_loss * most + TINY and missing >= 2
        if not self._settings.loss_hold or not missing or (remain and not mass):
            return
        held = len(self.of(service))
        lost = sorted(
            (lost for place, lost in pool.lost.items() if place not in self.held),
            key=lambda lost: (-lost.at, lost.endpoint),
        )
        for each in lost[: missing - held] if missing > held else ():
            self.held[Place.of(each.endpoint)] = Held(
                endpoint=each.endpoint,
                since=now,
                until=now + self._settings.loss_hold,
                why=f"{missing} of {most} vanished",
                came=each.came,
            )
            pool.kept = most

    def let_go(self, place: Place, why: str) -> None:
        """Rightly gone: it does not count any more in what the service had."""
        held = self.held.pop(place)
        self._released.append(Released(why, held.endpoint))
        self.pools[place.service].leaves(place, held.came)

    def end(self, place: Place, why: str) -> None:
        """Gone, yet what the service had stays the measure: it does not shrink with each."""
        held = self.held.pop(place)
        self.pools[place.service].lost.pop(place, None)
        self._released.append(Released(why, held.endpoint))
