"""The guard: a sudden mass loss is more often the registry's fault than the truth.

It sees every snapshot, before any is merged away, and passes on what may be balanced. Endpoints
are told apart by their address and port, so one that comes back under a new name is no loss.

**Held** is what a service lost without a word when less than ``1 - max_loss`` of the most that it
had within ``loss_window`` remain and at least two are missing, or none remains. As many are held as
are missing from that most, the latest lost first. Who was draining before it vanished left cleanly:
it is no loss, and does not count in the most. ``loss_hold = 0`` switches this off.

**Let go** is what is held when

- the registry lists it again, or has its address under another name or, newly, in another service;
- the load balancer has found it down at looks that are ``STEADY`` seconds apart;
- an operator says so;
- the settings refuse its address: then nothing holds it, an operator neither;
- ``loss_hold`` is over. A clock lets nobody go while the registry lists nobody of the service that
  may be up; and what the load balancer finds up only so far as ``1 - max_loss`` of what the service
  had stay in traffic, those that the registry lists included.

What an **operator** holds stays listed, and ready, until released, whatever the registry says.

Time comes in as an argument, in seconds of a clock that never goes back.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from lbdisc.agent.contests import Contests
from lbdisc.agent.held import GuardMemory, Held, with_held
from lbdisc.agent.places import NEVER, Place, Places, one_each
from lbdisc.agent.pool import Pool
from lbdisc.observed import HealthState, ServerHealth
from lbdisc.settings.tables import GuardSettings
from lbdisc.values import Endpoint, Snapshot

STEADY = 3.0  # seconds; HAProxy marks down at one failed connection, and up again 2 s later
TINY = 1e-9  # shares are no whole numbers
NO_USE = ("down", "maintenance")
IS_BACK = "listed again"
BY_OPERATOR = "an operator released it"


@dataclass(frozen=True, slots=True, order=True)
class Released:
    """An endpoint that is held no more, and ``why``."""

    why: str
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be balanced; ``held`` and ``released`` name what has just been kept and let go.

    ``apart`` are the registry's entries that do not count, as another has their address.
    """

    snapshot: Snapshot
    held: tuple[Held, ...] = ()
    released: tuple[Released, ...] = ()
    apart: tuple[Endpoint, ...] = ()


class Guard:
    """Judges snapshots; of ``services`` alone, where they are given.

    ``start`` is what was balanced before, as after a restart, or all that an earlier guard knew.
    ``asks`` says that ``see`` will be called: then no clock lets go before the first look.
    ``refuses`` tells why somebody may not be served, ``""`` for who may.
    """

    def __init__(
        self,
        settings: GuardSettings,
        start: Snapshot | GuardMemory | None = None,
        *,
        services: Collection[str] | None = None,
        asks: bool = False,
        refuses: Callable[[Endpoint], str] = lambda endpoint: "",
    ) -> None:
        self._settings = settings
        self._refuses = refuses
        self._services = None if services is None else frozenset(services)
        self._asks = asks
        memory = (
            start if isinstance(start, GuardMemory) else GuardMemory(balanced=start or Snapshot())
        )
        if services is not None:
            memory = memory.only(services)
        self._balanced = memory.balanced
        self._held = {Place.of(held.endpoint): held for held in memory.held}
        self._pinned = {endpoint.key: endpoint for endpoint in memory.pinned}
        here = memory.balanced.patched((), [held.endpoint.key for held in memory.held])
        self._places = Places(here)
        self._contests = Contests()
        self._pools: dict[str, Pool] = defaultdict(lambda: Pool(settings.loss_window))
        self._health: dict[Place, HealthState] = {}
        self._released: list[Released] = []
        for endpoint in here.endpoints:
            if not endpoint.draining:
                self._pools[endpoint.service].comes(endpoint, NEVER)
        for service, most in memory.most.items():
            self._pools[service].kept = most

    @property
    def held(self) -> tuple[Held, ...]:
        """What is listed although the registry does not have it (so)."""
        return tuple(sorted(self._held.values(), key=lambda held: held.endpoint))

    @property
    def due(self) -> float | None:
        """When something that is held may go by the clock."""
        times = [held.until for held in self._held.values() if self._may_go(held)]
        times.append(self._contests.due)
        return min((until for until in times if until is not None), default=None)

    @property
    def memory(self) -> GuardMemory:
        """All that the next guard has to know."""
        services = {place.service for place in self._held}
        return GuardMemory(
            balanced=self._balanced,
            held=self.held,
            pinned=tuple(sorted(self._pinned.values())),
            most={service: self._pools[service].kept for service in sorted(services)},
        )

    @property
    def watched(self) -> tuple[Endpoint, ...]:
        """Those whose health matters: what is held, and who is listed beside it."""
        found = [held.endpoint for held in self._held.values()]
        for service in {place.service for place in self._held}:
            found += [endpoint for endpoint, _ in self._pools[service].here.values()]
        return tuple(sorted({*found, *self._contests.watched}))

    def judge(self, snapshot: Snapshot, now: float) -> Verdict:
        """Take in the registry's newest state."""
        before = dict(self._held)
        touched = [p for p in self._places.take(snapshot, now) if self._is_ours(p.service)]
        services = {place.service for place in touched}
        for service in services:
            self._pools[service].begin(now)
        for place in touched:
            self._take(place, now)
        self._drop_reused()
        for service in services:
            self._hold(service, now)
        return self._verdict(before, now)

    def wait(self, now: float) -> Verdict:
        """Judge the same state at a later time."""
        return self._verdict(dict(self._held), now)

    def see(self, health: Sequence[ServerHealth], now: float) -> Verdict:
        """Take in what the load balancer said of those ``watched`` when it was asked at ``now``."""
        before = dict(self._held)
        for found in health:
            place = Place.of(found.endpoint)
            self._health[place] = found.state
            self._contests.see(found, now)
            held = self._held.get(place)
            if held is not None and held.since < now:
                self._weigh(place, held, found, now)
        return self._verdict(before, now)

    def hold(self, service: str, name: str, now: float) -> tuple[Verdict, tuple[Endpoint, ...]]:
        """An operator holds what is balanced now; an empty text stands for all. Who that is."""
        before = dict(self._held)
        found = tuple(e for e in self._balanced.endpoints if self._is_meant(service, name, e))
        for endpoint in found:
            self._pinned[endpoint.key] = replace(endpoint, state="ready")
        return self._verdict(before, now), found

    def release(self, service: str, name: str, now: float) -> tuple[Verdict, tuple[Endpoint, ...]]:
        """An operator lets go of what is held, by the guard or by hand. Who that is."""
        before = dict(self._held)
        freed = {e.key: e for e in self._pinned.values() if self._is_meant(service, name, e)}
        for key in freed:
            del self._pinned[key]
        for place, held in list(self._held.items()):
            if self._is_meant(service, name, held.endpoint):
                freed[held.endpoint.key] = held.endpoint
                self._let_go(place, BY_OPERATOR)
        return self._verdict(before, now), tuple(sorted(freed.values()))

    def _is_ours(self, service: str) -> bool:
        return self._services is None or service in self._services

    def _is_meant(self, service: str, name: str, endpoint: Endpoint) -> bool:
        asked = service in ("", endpoint.service) and name in ("", endpoint.name)
        return asked and self._is_ours(endpoint.service)

    def _take(self, place: Place, now: float) -> None:
        """Who counts at ``place`` may be another than before, or nobody."""
        pool, endpoint = self._pools[place.service], self._places.at(place)
        if endpoint is None:
            if place in pool.here:
                self._is_gone(place, now)
            return
        held = self._held.get(place)
        if held is not None and held.by == "guard":
            self._is_back(place, endpoint)
            came = held.came
        else:
            came = None
        if endpoint.draining:
            pool.leaves(place, came)
        else:
            pool.comes(endpoint, now if came is None else came)

    def _is_gone(self, place: Place, now: float) -> None:
        """Who may not be served is no loss."""
        pool = self._pools[place.service]
        if self._refuses(pool.here[place][0]):
            pool.leaves(place)
        else:
            pool.vanishes(place, now)

    def _drop_refused(self) -> None:
        for place, held in list(self._held.items()):
            if why := self._refuses(held.endpoint):
                self._let_go(place, f"refused: {why}")
        for pinned in list(self._pinned.values()):
            if self._refuses(pinned):
                del self._pinned[pinned.key]

    def _is_back(self, place: Place, endpoint: Endpoint) -> None:
        held = self._held.pop(place)
        same = held.endpoint.key == endpoint.key
        why = IS_BACK if same else f"{endpoint.name} has its address now"
        self._released.append(Released(why, held.endpoint))

    def _drop_reused(self) -> None:
        """Who is listed elsewhere, or whose address is another service's, is no loss."""
        for place, held in list(self._held.items()):
            now_at = self._places.entry(held.endpoint.key)
            if now_at is not None and Place.of(now_at) != place:
                del self._held[place]
                self._released.append(
                    Released(f"listed again, at {now_at.host_port}", held.endpoint)
                )
            elif self._places.reused(place, held.came):
                self._let_go(place, "another service has its address now")
        for pool in self._pools.values():
            for place, lost in list(pool.lost.items()):
                if self._places.entry(lost.endpoint.key) is not None:
                    del pool.lost[place]
                elif self._places.reused(place, lost.came):
                    pool.leaves(place)

    def _hold(self, service: str, now: float) -> None:
        """Hold what a mass loss took from ``service``, if there was one."""
        pool = self._pools[service]
        most, remain = pool.most(now), len(pool.here)
        missing = most - remain
        mass = missing > self._settings.max_loss * most + TINY and missing >= 2
        if not self._settings.loss_hold or not missing or (remain and not mass):
            return
        held = sum(1 for place in self._held if place.service == service)
        lost = sorted(
            (lost for place, lost in pool.lost.items() if place not in self._held),
            key=lambda lost: (-lost.at, lost.endpoint),
        )
        for each in lost[: missing - held] if missing > held else ():
            self._held[Place.of(each.endpoint)] = Held(
                endpoint=each.endpoint,
                since=now,
                until=now + self._settings.loss_hold,
                why=f"{missing} of {most} vanished",
                came=each.came,
            )
            pool.kept = most

    def _weigh(self, place: Place, held: Held, found: ServerHealth, now: float) -> None:
        """A look that finds it down steadily lets it go; one that finds nothing out, does not."""
        down_since = None
        if found.state == "down":
            down_since = now if held.down_since is None else held.down_since
        if held.by == "guard" and down_since is not None and now - down_since >= STEADY:
            self._let_go(place, f"down: {found.why}" if found.why else "down")
            return
        self._held[place] = replace(
            held,
            state=held.state if found.state == "unknown" else found.state,
            says=found.why,
            looks=held.looks + 1,
            down_since=down_since,
        )

    def _let_go(self, place: Place, why: str) -> None:
        """Rightly gone: it does not count any more in what the service had."""
        held = self._held.pop(place)
        self._released.append(Released(why, held.endpoint))
        self._pools[place.service].leaves(place, held.came)

    def _pin(self, now: float) -> None:
        """What an operator holds is listed, and ready."""
        for key, pinned in list(self._pinned.items()):
            if (entry := self._places.entry(key)) is not None:
                pinned = self._pinned[key] = replace(entry, state="ready")
            place = Place.of(pinned)
            held, counts = self._held.get(place), self._places.at(place)
            if counts is not None and (counts.key != key or not counts.draining):
                if held is not None:
                    self._is_back(place, counts)
            elif self._is_anothers(place, held):
                if held is not None:
                    self._let_go(place, "another service has its address now")
            elif held is None or held.by == "guard":
                came = self._pools[place.service].came(place)
                self._held[place] = Held(
                    endpoint=pinned,
                    since=held.since if held else now,
                    until=None,
                    why="an operator holds it",
                    by="operator",
                    came=held.came if held else (now if came is None else came),
                )

    def _is_anothers(self, place: Place, held: Held | None) -> bool:
        came = held.came if held else self._pools[place.service].came(place)
        return came is not None and self._places.reused(place, came)

    def _may_go(self, held: Held) -> bool:
        """Whether a clock may let it go; not before the first look at it."""
        return held.by == "guard" and (held.looks > 0 or not self._asks)

    def _by_clock(self, now: float) -> None:
        over: dict[str, list[Place]] = defaultdict(list)
        for place, held in list(self._held.items()):
            if self._may_go(held) and (held.until is None or held.until <= now):
                self._held[place] = replace(held, until=None)
                over[place.service].append(place)
        for service, places in over.items():
            self._let_some_go(service, sorted(places))

    def _let_some_go(self, service: str, over: Sequence[Place]) -> None:
        """Of those whose time is ``over`` let go whom the service can do without."""
        here = sum(1 for p in self._pools[service].here if self._health.get(p) not in NO_USE)
        mine = [(place, held) for place, held in self._held.items() if place.service == service]
        here += sum(1 for _, held in mine if held.by == "operator" and held.state not in NO_USE)
        if not here:
            return
        serving = here + sum(1 for _, held in mine if held.by == "guard" and held.state == "up")
        least = (1 - self._settings.max_loss) * self._pools[service].kept - TINY
        for place in over:
            held = self._held[place]
            if held.state == "up" and serving - 1 < least:
                continue
            serving -= held.state == "up"
            # What the service had stays the measure, so that it does not shrink with each.
            del self._held[place]
            self._pools[service].lost.pop(place, None)
            self._released.append(Released("loss_hold is over", held.endpoint))

    def _doubles(self, now: float) -> list[tuple[Endpoint, Endpoint]]:
        def stays(older: Endpoint, newcomer: Endpoint, came: float) -> bool:
            return self._contests.stays(older, newcomer, came=came, now=now)

        self._contests.begin()
        doubles = [p for p in self._places.doubles(stays) if self._is_ours(p[0].service)]
        self._contests.end()
        return doubles

    def _listed(self, doubles: Sequence[tuple[Endpoint, Endpoint]]) -> Snapshot:
        listed = one_each(self._places.snapshot, doubles, self._places.is_newer)
        return with_held(listed, self._held.values()) if self._held else listed

    def _verdict(self, before: dict[Place, Held], now: float) -> Verdict:
        self._drop_refused()
        self._pin(now)
        self._by_clock(now)
        for service, pool in self._pools.items():
            if pool.kept and not any(place.service == service for place in self._held):
                pool.kept = 0
        released, self._released = tuple(self._released), []
        new = [h for place, h in self._held.items() if _is_news(before.get(place), h)]
        doubles = self._doubles(now)
        self._balanced = self._listed(doubles)
        return Verdict(
            self._balanced,
            tuple(sorted(new, key=lambda h: h.endpoint)),
            released,
            tuple(sorted(left_out for left_out, _ in doubles)),
        )


def _is_news(before: Held | None, now: Held) -> bool:
    return before is None or before.by != now.by
