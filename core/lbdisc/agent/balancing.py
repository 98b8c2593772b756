"""What may be balanced now: what is published, screened, admitted and judged by the guard."""

from collections.abc import Callable, Collection, Iterable, Sequence
from threading import RLock
from typing import NamedTuple

from lbdisc.agent.admission import Admission
from lbdisc.agent.announcing import judged
from lbdisc.agent.guard import Guard
from lbdisc.agent.held import GuardMemory, Held
from lbdisc.agent.verdict import Released, Verdict
from lbdisc.events import Cause, RegistryNews
from lbdisc.leases import Lease
from lbdisc.listening.listeners import Tell
from lbdisc.observed import ServerHealth
from lbdisc.screening.screen import Screening
from lbdisc.values import Change, Endpoint, Snapshot


class News(NamedTuple):
    """What may be balanced, when it came, and what made it so; ``apart`` as in ``Verdict``."""

    snapshot: Snapshot
    arrived: float
    cause: Cause
    apart: tuple[Endpoint, ...] = ()


class Balancing:
    """``newest`` is what may be balanced; the guard sees only what passes screen and admission.

    ``source`` is what the registry is called in a cause. All methods may be called from any thread;
    they take ``lock``, and ``tell`` may be called with it held; ``wake`` never is.
    """

    def __init__(
        self,
        guard: Guard,
        wake: Callable[[], None],
        *,
        source: str,
        screen: Screening,
        admission: Admission,
        tell: Tell,
        clock: Callable[[], float],
        lock: RLock,
    ) -> None:
        self._guard = guard
        self._wake = wake
        self._source = source
        self._screen = screen
        self._admission = admission
        self._tell = tell
        self._clock = clock
        self._lock = lock
        self._newest: News | None = None
        self._told = Snapshot()
        self._published: Snapshot | None = None

    def close(self) -> None:
        """Look no names up any more."""
        self._screen.hosts.close()

    @property
    def newest(self) -> News | None:
        """The newest judged snapshot; ``None`` before the first."""
        with self._lock:
            return self._newest

    @property
    def published(self) -> Snapshot | None:
        """All that the registry said last, lbdisc's own entries included; ``None`` before that."""
        return self._published

    @property
    def due(self) -> float | None:
        """When ``look_again`` has something to do, names aside."""
        with self._lock:
            times = (self._guard.due, self._admission.due)
        return min((each for each in times if each is not None), default=None)

    def settle(self, snapshot: Snapshot) -> None:
        """Wait a moment for what the names in ``snapshot`` stand for, if it is the first."""
        if self._newest is None:
            self._screen.settle(snapshot.public)

    def publish(
        self, snapshot: Snapshot, now: float, cause: Cause, leases: Iterable[Lease] = ()
    ) -> None:
        """The registry's newest state; ``leases`` as in ``Publish``."""
        with self._lock:
            self._published, public = snapshot, snapshot.public
            self._tell_news(public, cause, leases)
            passed = self._screen.after(public)
            self._judge(self._admission.take(passed, now), now, cause)

    def look_again(self, now: float) -> None:
        """Take in what is known of names, and let those go or change whose time has come."""
        with self._lock:
            if (passed := self._screen.again()) is not None:
                self._judge(self._admission.take(passed, now), now, Cause(source="names"))
            if self._admission.due is not None and self._admission.due <= now:
                self._judge(self._admission.wait(now), now, Cause(source="damping"))
            if self._guard.due is not None and self._guard.due <= now:
                self._take(self._guard.wait(now), now, Cause(source="guard"))

    @property
    def held(self) -> tuple[Held, ...]:
        """What is listed although the registry does not have it (so)."""
        with self._lock:
            return self._guard.held

    @property
    def memory(self) -> GuardMemory:
        """What the guard of the next watcher has to know."""
        with self._lock:
            return self._guard.memory

    @property
    def watched(self) -> tuple[Endpoint, ...]:
        """Those whose health the guard wants to hear of."""
        with self._lock:
            return self._guard.watched

    def admitted(self, known: Snapshot) -> Snapshot:
        """What of that which is ``known`` from before may be served."""
        with self._lock:
            return self._screen.once(known)

    @property
    def names(self) -> frozenset[str]:
        """The host names of all that is listed."""
        with self._lock:
            return self._screen.names

    def saw(self, host: str, addresses: Collection[str]) -> None:
        """The load balancer has these ``addresses`` for ``host``."""
        self._screen.hosts.saw(host, addresses)

    def occupy(self, places: Collection[tuple[str, int]]) -> bool:
        """The load balancer listens at ``places``; whether any of them was not known."""
        now = self._clock()
        with self._lock:
            new = self._screen.occupy(places)
            if new and (passed := self._screen.again()) is not None:
                self._judge(self._admission.take(passed, now), now, Cause(source="configuration"))
        if new:
            self._wake()
        return new

    def see(self, health: Sequence[ServerHealth], asked: float) -> None:
        """The load balancer was asked at that time, and said this of those ``watched``."""
        with self._lock:
            self._take(self._guard.see(health, asked), self._clock(), Cause(source="health"))

    def hold(self, service: str, name: str) -> tuple[Endpoint, ...]:
        """An operator holds what is balanced; an empty text stands for all. Who that is."""
        with self._lock:
            verdict, found = self._guard.hold(service, name, self._clock())
            self._take(verdict, self._clock(), Cause(source="operator"))
        return found

    def release(self, service: str, name: str) -> tuple[Endpoint, ...]:
        """An operator lets go of what is held. Who that is."""
        with self._lock:
            verdict, found = self._guard.release(service, name, self._clock())
            self._take(verdict, self._clock(), Cause(source="operator"))
        return found

    def tell_held(self) -> None:
        """Say what is held from before."""
        self._tell_verdict(Verdict(Snapshot(), held=self.held), Cause(source="state"))

    def tell_dropped(self, before: Sequence[Held]) -> None:
        """Say who was held by the watcher ``before``, and is not balanced any more."""
        here = {held.endpoint.key for held in self.held}
        gone = [h.endpoint for h in before if h.endpoint.key not in here]
        dropped = tuple(
            Released("its service is not balanced any more", endpoint) for endpoint in gone
        )
        self._tell_verdict(Verdict(Snapshot(), released=dropped), Cause(source="settings"))

    def reloaded(self, because_of: Sequence[Endpoint]) -> None:
        """The load balancer had to be reloaded because these came or changed."""
        with self._lock:
            self._admission.reloaded(because_of, self._clock())

    def _tell_news(self, snapshot: Snapshot, cause: Cause, leases: Iterable[Lease]) -> None:
        before, self._told = self._told, snapshot
        change = snapshot.since(before)
        if any((change.added, change.removed, change.changed)):
            pairs = tuple((old, now) for now in change.changed if (old := before.get(now.key)))
            self._tell(
                RegistryNews(
                    came=change.added,
                    went=change.removed,
                    changed=pairs,
                    leases=_concerning(change, leases),
                    total=len(snapshot),
                    cause=cause,
                )
            )

    def _judge(self, admitted: Snapshot, now: float, cause: Cause) -> None:
        self._take(self._guard.judge(admitted, now), now, cause)
        for event in self._admission.news(now):
            self._tell(event)

    def _take(self, verdict: Verdict, now: float, cause: Cause) -> None:
        self._tell_verdict(verdict, cause)
        if (
            self._newest is None
            and cause.source != self._source
            and not (verdict.held or verdict.released)
        ):
            return  # nothing is known of the registry yet, and nothing has changed
        last = self._newest
        if last is not None and verdict.snapshot == last.snapshot:
            now, cause = last.arrived, last.cause
        self._newest = News(verdict.snapshot, now, cause, verdict.apart)

    def _tell_verdict(self, verdict: Verdict, cause: Cause) -> None:
        for event in judged(verdict, self._clock(), cause=cause):
            self._tell(event)


def _concerning(change: Change, leases: Iterable[Lease]) -> tuple[Lease, ...]:
    """Those of ``leases`` that are of whom the change concerns; the end only of who went."""
    found = {lease.key: lease for lease in leases}
    if not found:
        return ()
    here, gone = (*change.added, *change.changed), change.removed
    its = [found[e.key] for e in here if e.key in found and not found[e.key].end]
    its += [found[e.key] for e in gone if e.key in found]
    return tuple(its)
