"""The guard: a sudden mass loss is more often the registry's fault than the truth.

It sees all that is admitted, before any of it is merged away, and passes on what may be balanced.
Endpoints are told apart by their address and port, so one that comes back under a new name is no
loss.

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

from collections.abc import Callable, Collection, Sequence

from lbdisc.agent.contests import Contests
from lbdisc.agent.held import GuardMemory, Held, with_held
from lbdisc.agent.holds import Holds
from lbdisc.agent.letting_go import Leniency
from lbdisc.agent.pins import Pins
from lbdisc.agent.places import Place, one_each
from lbdisc.agent.verdict import Verdict
from lbdisc.observed import ServerHealth
from lbdisc.settings.tables import GuardSettings
from lbdisc.values import Endpoint, Snapshot

BY_OPERATOR = "an operator released it"


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
        self._services = None if services is None else frozenset(services)
        memory = (
            start if isinstance(start, GuardMemory) else GuardMemory(balanced=start or Snapshot())
        )
        if services is not None:
            memory = memory.only(services)
        self._balanced = memory.balanced
        self._holds = Holds(settings, memory, refuses)
        self._pins = Pins(memory.pinned, self._holds, refuses)
        self._leniency = Leniency(settings, self._holds, asks=asks)
        self._contests = Contests()

    @property
    def held(self) -> tuple[Held, ...]:
        """What is listed although the registry does not have it (so)."""
        return self._holds.all

    @property
    def due(self) -> float | None:
        """When something that is held may go by the clock, or who gave way is there again."""
        times = (self._leniency.due, self._contests.due)
        return min((until for until in times if until is not None), default=None)

    @property
    def memory(self) -> GuardMemory:
        """All that the next guard has to know."""
        pools = self._holds.pools
        return GuardMemory(
            balanced=self._balanced,
            held=self.held,
            pinned=self._pins.all,
            most={service: pools[service].kept for service in sorted(self._holds.services)},
        )

    @property
    def watched(self) -> tuple[Endpoint, ...]:
        """Those whose health matters: what is held, and who is listed beside it."""
        found = [held.endpoint for held in self._holds.held.values()]
        for service in self._holds.services:
            found += [endpoint for endpoint, _ in self._holds.pools[service].here.values()]
        return tuple(sorted({*found, *self._contests.watched}))

    def judge(self, snapshot: Snapshot, now: float) -> Verdict:
        """Take in the registry's newest state."""
        holds, before = self._holds, dict(self._holds.held)
        touched = [p for p in holds.places.take(snapshot, now) if self._is_ours(p.service)]
        services = {place.service for place in touched}
        for service in services:
            holds.pools[service].begin(now)
        for place in touched:
            holds.take(place, now)
        holds.drop_reused()
        for service in services:
            holds.hold_lost(service, now)
        return self._verdict(before, now)

    def wait(self, now: float) -> Verdict:
        """Judge the same state at a later time."""
        return self._verdict(dict(self._holds.held), now)

    def see(self, health: Sequence[ServerHealth], now: float) -> Verdict:
        """Take in what the load balancer said of those ``watched`` when it was asked at ``now``."""
        before = dict(self._holds.held)
        for found in health:
            self._contests.see(found, now)
            self._leniency.see(found, now)
        return self._verdict(before, now)

    def hold(self, service: str, name: str, now: float) -> tuple[Verdict, tuple[Endpoint, ...]]:
        """An operator holds what is balanced now; an empty text stands for all. Who that is."""
        before = dict(self._holds.held)
        found = tuple(e for e in self._balanced.endpoints if self._is_meant(service, name, e))
        self._pins.add(found)
        return self._verdict(before, now), found

    def release(self, service: str, name: str, now: float) -> tuple[Verdict, tuple[Endpoint, ...]]:
        """An operator lets go of what is held, by the guard or by hand. Who that is."""
        before = dict(self._holds.held)
        unpinned = self._pins.remove(lambda endpoint: self._is_meant(service, name, endpoint))
        freed = {endpoint.key: endpoint for endpoint in unpinned}
        for place, held in before.items():
            if self._is_meant(service, name, held.endpoint):
                freed[held.endpoint.key] = held.endpoint
                self._holds.let_go(place, BY_OPERATOR)
        return self._verdict(before, now), tuple(sorted(freed.values()))

    def _is_ours(self, service: str) -> bool:
        return self._services is None or service in self._services

    def _is_meant(self, service: str, name: str, endpoint: Endpoint) -> bool:
        asked = service in ("", endpoint.service) and name in ("", endpoint.name)
        return asked and self._is_ours(endpoint.service)

    def _doubles(self, now: float) -> list[tuple[Endpoint, Endpoint]]:
        def stays(older: Endpoint, newcomer: Endpoint, came: float) -> bool:
            return self._contests.stays(older, newcomer, came=came, now=now)

        self._contests.begin()
        doubles = [p for p in self._holds.places.doubles(stays) if self._is_ours(p[0].service)]
        self._contests.end()
        return doubles

    def _listed(self, doubles: Sequence[tuple[Endpoint, Endpoint]]) -> Snapshot:
        listed = one_each(self._holds.places.snapshot, doubles, self._holds.places.is_newer)
        return with_held(listed, self._holds.held.values()) if self._holds.held else listed

    def _verdict(self, before: dict[Place, Held], now: float) -> Verdict:
        self._holds.drop_refused()
        self._pins.drop_refused()
        self._pins.apply(now)
        self._leniency.by_clock(now)
        self._holds.over()
        new = [h for place, h in self._holds.held.items() if _is_news(before.get(place), h)]
        doubles = self._doubles(now)
        self._balanced = self._listed(doubles)
        return Verdict(
            self._balanced,
            tuple(sorted(new, key=lambda h: h.endpoint)),
            self._holds.released(),
            tuple(sorted((left_out for left_out, _ in doubles), key=lambda e: e.key)),
        )


def _is_news(before: Held | None, now: Held) -> bool:
    return before is None or before.by != now.by
