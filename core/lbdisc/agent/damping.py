"""Damping: who changes without end waits longer and longer; nobody else waits at all (RFC 2439).

Each change of an entry costs points: a tenth where it comes, comes back from draining or moves to
another address, a 24th where it gets another weight or other tags; load balancers take both while
they run. A reload costs those that led to it 2 more, together. Points fade, 5 a minute. Up to
``FREE`` nobody waits; with one more it is 1 s between two changes that pass, with each further one
twice as long, up to ``longest``. So a node may restart a hundred times at once and fifty times a
minute, and get another weight twice a second, for ever; what takes a reload each time may do so
five times at once. What flaps ten times a second passes for ten seconds, and then once a minute
until it has been calm for about as long.

Leaves, drains and a weight of 0 always pass at once: what waits is coming back, and until then an
entry stays as it was passed on, or away. Points belong to an entry's name, and to its address and
port as well where nobody else is listed there, so that neither another name nor another service is
a way out.

Times are arguments, in seconds of a clock that never goes back.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from lbdisc.values import Endpoint, Snapshot

FREE, TOP = 10.0, 17.0  # points without a pause, and the most that anybody has
FADES = 5 / 60  # points a second
COMES, ALTERS, RELOADS = 0.1, 1 / 24, 2.0
LONGEST = 60.0  # seconds, unless something else is set
ONCE = 0.25  # seconds in which an address counts once: an instance may be in many services
REMEMBERED = 20_000  # names and addresses; of more, those with the fewest points are forgotten
FEW = 100  # more changes than so many cost less when all is made anew
Key = tuple[str, str]  # service and name
Where = tuple[str, int]  # address and port


@dataclass(slots=True)
class Mark:
    """``points`` as they were ``at`` a time; the last change ``passed`` then."""

    points: float = 0.0
    at: float = 0.0
    passed: float = float("-inf")

    def now(self, now: float) -> float:
        """The points that are left."""
        return max(0.0, self.points - (now - self.at) * FADES)

    def add(self, points: float, now: float) -> None:
        """So many more."""
        self.points, self.at = min(TOP, self.now(now) + points), now


def pause(points: float) -> float:
    """Seconds between two changes that pass, without a limit."""
    return 0.0 if points <= FREE else 2.0 ** (points - FREE - 1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """``endpoint`` is as the registry has it; it passes at ``until`` if it is still there."""

    endpoint: Endpoint
    until: float


class Damping:
    """Sees each state of a registry, and passes on what need not wait.

    Nobody waits for more than ``longest`` seconds; with 0 nobody waits at all.
    """

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._seen = Snapshot()
        self._began = False
        self._passed = Snapshot()
        self._here: Counter[Where] = Counter()  # how many entries there are at an address
        self._marks: dict[Key | Where, Mark] = {}
        self._waiting: dict[Key, Waiting] = {}
        self._swept = 0.0

    @property
    def due(self) -> float | None:
        """When somebody has waited long enough; ``None`` while nobody waits."""
        return min((one.until for one in self._waiting.values()), default=None)

    @property
    def waiting(self) -> Sequence[Waiting]:
        """Whose change has not passed, the one that is next first."""
        return sorted(self._waiting.values(), key=lambda one: (one.until, one.endpoint))

    def is_calm(self, key: Key, now: float) -> bool:
        """Whether the next change of this service and name would pass at once."""
        mark = self._marks.get(key)
        return key not in self._waiting and (mark is None or mark.now(now) <= FREE)

    def take(self, snapshot: Snapshot, now: float) -> Snapshot:
        """The registry's newest state as far as it may pass. What is there at first costs nothing.

        Costs what changed since the one before.
        """
        if not self._began:
            self._began, self._seen, self._passed = True, snapshot, snapshot
            self._here = Counter(map(_where, snapshot.endpoints))
            return snapshot
        change, before = snapshot.since(self._seen), self._seen
        old = [found for e in change.changed if (found := before.get(e.key))]
        self._here.subtract(_where(e) for e in (*change.removed, *old))
        self._here.update(_where(e) for e in (*change.added, *change.changed))
        for endpoint in (*change.removed, *old):
            if self._here[_where(endpoint)] <= 0:
                del self._here[_where(endpoint)]
        gone = [e.key for e in change.removed]
        for key in gone:
            self._waiting.pop(key, None)
        put: list[Endpoint] = []
        for endpoint in (*change.added, *change.changed):
            self._charge(before.get(endpoint.key), endpoint, now)
            if self._may_pass(endpoint, now):
                put.append(endpoint)
            elif _rests(endpoint):
                gone.append(endpoint.key)  # elsewhere than it is served: there it leaves
        self._seen = snapshot
        self._sweep(now)
        return self._pass(put, gone)

    def wait(self, now: float) -> Snapshot:
        """The same state at a later time."""
        over = [key for key, one in self._waiting.items() if one.until <= now]
        put = [self._waiting.pop(key).endpoint for key in over]
        for endpoint in put:
            self._has_passed(endpoint, now)
        return self._pass(put, ())

    def reloaded(self, because_of: Sequence[Endpoint], now: float) -> None:
        """The load balancer had to be reloaded because these came or changed."""
        for endpoint in because_of:
            self._mark(endpoint.key).add(RELOADS / len(because_of), now)

    def _pass(self, put: Sequence[Endpoint], gone: Iterable[Key]) -> Snapshot:
        gone = list(gone)
        if not self._waiting:
            self._passed = self._seen
        elif len(put) + len(gone) < FEW:
            endpoints = self._passed.patched(put, gone).endpoints
            self._passed = replace(self._seen, endpoints=endpoints)
        else:
            self._passed = replace(self._seen, endpoints=tuple(self._all(gone)))
        return self._passed

    def _all(self, gone: Iterable[Key]) -> Iterator[Endpoint]:
        """Everybody as they are, and those who wait as they were."""
        away = set(gone)
        for endpoint in self._seen.endpoints:
            kept: Endpoint | None = endpoint
            if endpoint.key in self._waiting:
                kept = None if endpoint.key in away else self._passed.get(endpoint.key)
            if kept is not None:
                yield kept

    def _may_pass(self, endpoint: Endpoint, now: float) -> bool:
        served = self._passed.get(endpoint.key)
        if _rests(endpoint) and served is not None and _where(served) == _where(endpoint):
            self._waiting.pop(endpoint.key, None)
            return True
        marks = self._marks_of(endpoint)
        until = max((m.passed + min(self._longest, pause(m.now(now))) for m in marks), default=now)
        if served == endpoint or until <= now:
            self._waiting.pop(endpoint.key, None)
            self._has_passed(endpoint, now)
            return True
        self._waiting[endpoint.key] = Waiting(endpoint, until)
        return False

    def _has_passed(self, endpoint: Endpoint, now: float) -> None:
        for mark in self._marks_of(endpoint):
            mark.passed = now

    def _marks_of(self, endpoint: Endpoint) -> Iterator[Mark]:
        alone = self._here[_where(endpoint)] <= 1
        for whose in (endpoint.key, _where(endpoint)) if alone else (endpoint.key,):
            if (mark := self._marks.get(whose)) is not None:
                yield mark

    def _mark(self, whose: Key | Where) -> Mark:
        return self._marks.setdefault(whose, Mark())

    def _charge(self, before: Endpoint | None, endpoint: Endpoint, now: float) -> None:
        moves = before is None or _where(before) != _where(endpoint)
        back = before is not None and before.draining and not endpoint.draining
        if not moves and not back:
            drains = endpoint.draining and before is not None and not before.draining
            self._mark(endpoint.key).add(0.0 if drains else ALTERS, now)
            return
        self._mark(endpoint.key).add(COMES, now)
        where = _where(endpoint)
        if self._here[where] <= 1:
            mark = self._mark(where)
            if now - mark.at >= ONCE or not mark.points:
                mark.add(COMES, now)

    def _sweep(self, now: float) -> None:
        """Forget the calm, now and then; of too many, those that have done least."""
        if now - self._swept < 1 / FADES and len(self._marks) <= REMEMBERED:
            return
        self._swept = now
        self._marks = {whose: mark for whose, mark in self._marks.items() if mark.now(now) > 0}
        if len(self._marks) > REMEMBERED:
            most = sorted(self._marks.items(), key=lambda item: -item[1].now(now))
            self._marks = dict(most[: REMEMBERED // 2])


def _rests(endpoint: Endpoint) -> bool:
    """Whether it takes no new traffic."""
    return endpoint.draining or not endpoint.weight


def _where(endpoint: Endpoint) -> Where:
    return endpoint.address, endpoint.port
