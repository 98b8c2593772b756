"""The agent's own entry in the registry, and what it acknowledges there.

``lbdisc register`` waits for the agents that it finds. This one says of a draining endpoint that
nothing is left on it once the load balancer runs it as draining and has no session on it. Whatever
goes wrong here, the load balancer is kept in step all the same.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

import structlog

from lbdisc import events
from lbdisc.abilities import Cramped, Drains, Reclaims
from lbdisc.agent.digesting import Digesting
from lbdisc.errors import EntryError, LbdiscError
from lbdisc.generation import Generation
from lbdisc.handshake import ROOM, Announcement, asks, fitted, token
from lbdisc.hooks import Registrar, Reloader
from lbdisc.listening.listeners import Tell
from lbdisc.listening.repeats import Repeats
from lbdisc.register.addresses import OwnAddress
from lbdisc.register.holding import End, Holder, trace_of
from lbdisc.register.identity import Identity
from lbdisc.settings.tables import AgentSettings
from lbdisc.values import Endpoint, Snapshot

EVERY = 0.1  # seconds between two looks at what drains
DOUBT = 1.0  # seconds until it is known again whom the load balancer serves
TOKENS = 10  # acknowledgements that what is said of orders leaves room for
NOWHERE = "192.0.2.1"  # RFC 5737: of an entry that is only looked at
UNABLE = "agent.announce is off, or the backend has no registrar"
SHARE = 5  # a look may take at most this part of the time
_log = structlog.get_logger("lbdisc.presence")


class Presence:
    """Announces the agent ``name`` through ``registrar``; without one it does nothing.

    All methods are for the agent's own thread, the registrar works in another.
    """

    def __init__(
        self,
        registrar: Registrar | None = None,
        *,
        identity: Identity | None = None,
        name: str = "",
        services: tuple[str, ...] = (),
        pace: AgentSettings | None = None,
        tell: Tell = lambda event: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registrar = registrar
        self._identity = identity  # ours as long as we live
        self._pace = pace or AgentSettings()
        self._tell = tell
        self._clock = clock
        self._word = Announcement(name=name, services=services)
        self._own: OwnAddress | None = None
        self._holder: Holder | None = None
        self._seen: Snapshot | None = None
        self._apart: frozenset[Endpoint] = frozenset()
        self._draining: dict[Endpoint, bool] = {}  # whether it is over; the longest known first
        self._next = 0.0
        self._announced = False
        self._why_not = "not yet" if registrar else UNABLE
        self._failures = Repeats()
        self._broken = False  # whether the reloader's failure was told
        self._full = False  # whether it was told that acknowledgements wait for room
        self._digesting = Digesting(clock=clock)
        self.settings = ""  # what stands for those in which agents should agree

    @property
    def due(self) -> float | None:
        """When to look again; ``None`` while nothing drains."""
        return self._next if self._holder and not all(self._draining.values()) else None

    def look(
        self,
        newest: Snapshot | None,
        running: Generation | None,
        reloader: Reloader,
        *,
        left_out: Collection[tuple[str, str]] = (),
        apart: Sequence[Endpoint] = (),
        certain: bool = True,
    ) -> None:
        """See which draining endpoints are free of sessions; announced from the first time on.

        ``left_out`` are those that the load balancer refuses, or an operator, and gets nothing to
        send to; ``apart`` those whose address is another entry's by now, and so is what it gets.
        Where it is not ``certain`` whom it serves, nothing is acknowledged.
        """
        if self._registrar is None or newest is None or running is None:
            return
        if digest := self._digesting.look(running, self.settings):
            self._word = replace(self._word, digest=digest)  # the holder looks once a second
        if self._holder is None:
            self._holder = Holder(self._registrar, self._entry, self, self._pace)
            self._holder.start()
        if newest is not self._seen:
            self._seen = newest
            self._apart = frozenset(apart)
            self._take(e for e in (*newest.endpoints, *apart) if asks(e))
        now = self._clock()
        if now < self._next:
            return
        if not certain:
            self._next = now + DOUBT
            return
        if left := [e for e, over in self._draining.items() if not over]:
            over = self._over(left, running.snapshot, reloader, left_out)
            self._acknowledge(over, running)
            end = self._clock()
            self._next = end + max(EVERY, (end - now) * SHARE)
            self._say()

    @property
    def own(self) -> Announcement:
        """What the agent says of itself."""
        return self._word

    @property
    def announces(self) -> bool:
        """Whether it says anything at all."""
        return self._registrar is not None

    @property
    def announcement(self) -> Announcement:
        """What others read in the entry, but for what it says of orders."""
        return Announcement.read(self._word.endpoint(NOWHERE))

    @property
    def not_announced(self) -> str:
        """Why the registry does not list this agent; ``""`` where it does."""
        return "" if self._announced else self._why_not

    def tell_wheel(self, tags: tuple[tuple[str, str], ...]) -> None:
        """Have the entry say that of orders to the fleet."""
        if tags != self._word.wheel:
            self._word = replace(self._word, wheel=tags)
            self._publish()

    def has_room(self, tags: tuple[tuple[str, str], ...]) -> bool:
        """Whether the entry could say that of orders, and still acknowledge some drains."""
        registrar: object = self._registrar
        tokens = TOKENS if isinstance(registrar, Cramped) else ROOM
        word = replace(self._word, wheel=tags, drained=("A" * 6,) * tokens, full=True)
        try:
            entry = word.endpoint(NOWHERE)
        except EntryError:
            return False
        return not isinstance(registrar, Cramped) or registrar.spare(entry) >= 0

    def _acknowledge(self, over: Iterable[Endpoint], running: Generation) -> None:
        free = dict.fromkeys(over, True)
        self._draining.update(free)
        if mine := tuple(e for e in free if e.service in self._word.services):
            number = running.number
            self._tell(events.DrainAcknowledged(generation=number, endpoints=mine))

    def _entry(self) -> Endpoint:
        if self._own is None:  # here, in the registrar's thread: it may ask a name server
            self._own = OwnAddress()
        address = self._own.current()
        if isinstance(self._registrar, Cramped):
            return fitted(self._word, address, self._registrar.spare)
        return self._word.endpoint(address)

    def _take(self, draining: Iterable[Endpoint]) -> None:
        """What drains now; of what was over, only that is still of interest."""
        now = dict.fromkeys(draining, False)
        known = {e: over for e, over in self._draining.items() if e in now}
        if now or self._draining:
            self._draining = known | {e: False for e in now if e not in known}
            self._say()

    def _over(
        self,
        left: list[Endpoint],
        running: Snapshot,
        reloader: Reloader,
        left_out: Collection[tuple[str, str]],
    ) -> Iterable[Endpoint]:
        """Those of ``left`` that this load balancer sends nothing to any more."""
        mine = [e for e in left if e.service in self._word.services]
        applied = [
            e for e in mine if _holds(running, e) or (e.key in left_out and _spares(running, e))
        ]
        over = [e for e in left if e.service not in self._word.services]
        over += [e for e in mine if e in self._apart and running.get(e.key) is None]
        if not applied or not isinstance(reloader, Drains):
            return over  # a load balancer that cannot tell acknowledges nothing
        try:
            return [*over, *reloader.drained(applied)]
        except LbdiscError as error:
            _log.debug("cannot see the sessions of what drains", why=str(error))
        except Exception:  # noqa: BLE001 - foreign code; it must not stop the agent
            if not self._broken:
                _log.exception("the reloader plugin cannot tell what is drained")
            self._broken = True
        return over

    def _say(self) -> None:
        over = [token(endpoint) for endpoint, over in self._draining.items() if over]
        full = len(over) > ROOM
        if full and not self._full:
            self._tell(events.AcknowledgementsFull(drained=len(over), room=ROOM))
        self._full = full
        self._word = replace(self._word, drained=tuple(over[:ROOM]), full=full)
        self._publish()

    def _publish(self) -> None:
        if self._holder is not None:
            self._holder.changed()

    def changed(self, services: tuple[str, ...], other: "Presence | None") -> "Presence":
        """With new services: ``other`` in its place if there is one."""
        if other is not None:
            self.leave()
            self.join(1.0)
            return other
        self._word = replace(self._word, services=services)
        self._publish()
        return self

    def leave(self, *, back: bool = False) -> None:
        """Take the agent out of the registry; returns at once.

        Where its load balancer serves on and it will be ``back``, the entry stays until its lease
        ends, if it has one that this agent's next life takes up.
        """
        if self._holder is None:
            return
        if back and isinstance(self._registrar, Reclaims):
            self._holder.abandon()
        else:
            self._holder.leave()

    def join(self, timeout: float) -> None:
        """Wait until it is out, for ``timeout`` seconds at most."""
        if self._holder is not None:
            self._holder.join(timeout)

    def published(self, endpoint: Endpoint) -> None:
        """The registry has it (called by the holding thread, as the next four)."""
        if not self._announced:
            self._tell(events.AgentAnnounced(agent=endpoint.name, address=endpoint.address))
        self._announced = True
        self._failures.clear()

    def kept(self, endpoint: Endpoint) -> None:
        """The registry had it all the time."""
        self.published(endpoint)

    def refused(self, error: LbdiscError, *, held: bool) -> None:
        """The registry cannot be told now; it is tried again."""
        self._not_announced(str(error), trace_of(error))

    def waiting(self, rival: str) -> None:
        """Another agent has this name; nodes wait for the other one only."""
        by = f" ({rival})" if rival else ""
        self._not_announced(f"another agent holds the name {self._word.name}{by}: set agent.name")

    def _not_announced(self, why: str, trace: str = "") -> None:
        self._announced = False
        self._why_not = why
        times = self._failures.count("", why)
        told = events.AgentNotAnnounced(error=why, trace=trace, times=times, again=times > 1)
        self._tell(told)

    def left(self, end: End) -> None:
        """It is out, or expires."""
        self._tell(events.AgentWithdrawn(error=str(end.error or "")))


def _holds(snapshot: Snapshot, endpoint: Endpoint) -> bool:
    at = bisect_left(snapshot.endpoints, endpoint)
    return at < len(snapshot.endpoints) and snapshot.endpoints[at] == endpoint


def _spares(snapshot: Snapshot, endpoint: Endpoint) -> bool:
    """Whether ``endpoint`` is not there, or as it drained before."""
    found = snapshot.get(endpoint.key)
    return found is None or (found.draining and found.host_port == endpoint.host_port)
