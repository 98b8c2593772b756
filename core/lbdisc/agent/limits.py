"""How many endpoints there may be: who was there first stays, whoever comes beyond is left out.

A **service** that is balanced has at most ``per_service``, all that are balanced together
``total``. Half of the ``total`` is kept for all alike: a service may always have its share of that
half, however many another has. The rest is for whoever comes first. Services that nobody balances
are looked at as well, as their entries tell whose an address is by now: ``services`` of them at
most, with ``total`` endpoints at most, which take no place of those that are balanced.

Who is left out gets a place when one is free, those who have waited longest first; of those that
came at once the first by name. Who had a place and is back within ``returning.KEPT`` seconds gets
one again, from who came last since. Costs what changes, not what is there.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from lbdisc.agent.returning import Returns
from lbdisc.values import Endpoint, Problem, Snapshot

Key = tuple[str, str]  # service and name


@dataclass(frozen=True, slots=True, kw_only=True)
class Most:
    """How many there may be; ``why_…`` names what would allow for more."""

    per_service: int
    total: int
    services: int
    why_per_service: str = "endpoints.per_service"
    why_total: str = "endpoints.total"
    why_services: str = "endpoints.max_services"

    @classmethod
    def of(cls, total: int, why: str) -> "Most":
        """So many in all, in any number of services; ``why`` is said in each case."""
        whys = {"why_per_service": why, "why_total": why, "why_services": why}
        return cls(per_service=total, total=total, services=total, **whys)


class Limits:
    """Lets pass what has a place. ``known`` was served before, and counts as having come first.

    ``balanced`` are the services that are balanced; ``clock`` tells seconds and never goes back.
    """

    def __init__(
        self,
        most: Most,
        balanced: Collection[str],
        known: Snapshot | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._balanced = frozenset(balanced)
        self._share = most.total // (2 * max(1, len(self._balanced)))
        self._known = frozenset(e.key for e in known.endpoints) if known else frozenset[Key]()
        self._returns = Returns(clock)
        self._seen = Snapshot()
        self._passed = Snapshot()
        self._counts: Counter[str] = Counter()  # of those who have a place, by service
        self._here = self._others = 0  # the same for all that are balanced, and for all others
        self._out: dict[str, dict[Key, None]] = {}  # who waits, by service, in order of coming
        self._peaks: Counter[str] = Counter()  # the most that waited since a limit was reached

    def take(self, snapshot: Snapshot) -> Snapshot:
        """What of ``snapshot`` has a place; one problem for each limit that is reached."""
        change = snapshot.since(self._seen)
        self._seen = snapshot
        gone = [e.key for e in change.removed if self._leaves(e.key)]
        new = sorted(change.added, key=lambda e: (e.key not in self._known, e.key))
        for key in sorted(self._known - {e.key for e in new}) if self._known else ():
            self._returns.leaves(key)
        self._known = frozenset()
        put = [e for e in change.changed if not self._waits(e.key)]
        for endpoint in new:
            if self._comes(endpoint.key) or self._is_back(endpoint.key, gone):
                put.append(endpoint)
        put += self._moves_up() if gone else ()
        put = [e for e in put if not self._waits(e.key)]  # some gave their places up meanwhile
        if not self._out:
            self._peaks.clear()
            self._passed = snapshot
            return snapshot
        passed = self._passed.patched(put, gone)
        # Its own first: what is more than a snapshot names is at the end.
        problems = (*sorted(self._problems()), *snapshot.problems)
        self._passed = Snapshot(passed.endpoints, problems, snapshot.more)
        return self._passed

    @property
    def left_out(self) -> int:
        """How many have no place."""
        return sum(map(len, self._out.values()))

    def _waits(self, key: Key) -> bool:
        return key in self._out.get(key[0], ())

    def _waits_no_more(self, key: Key) -> None:
        del self._out[key[0]][key]
        if not self._out[key[0]]:
            del self._out[key[0]]

    def _leaves(self, key: Key) -> bool:
        """Whether it had a place."""
        service = key[0]
        if self._waits(key):
            self._waits_no_more(key)
            return False
        self._count(service, -1)
        if service in self._balanced:
            self._returns.leaves(key)
        return True

    def _comes(self, key: Key) -> bool:
        """Whether there is a place for it."""
        if self._reached(key[0]):
            self._out.setdefault(key[0], {})[key] = None
            return False
        self._enters(key)
        return True

    def _enters(self, key: Key) -> None:
        self._count(key[0], 1)
        if key[0] in self._balanced:
            self._returns.comes(key)

    def _is_back(self, key: Key, gone: list[Key]) -> bool:
        """Whether it had a place, and gets it again from another, who is ``gone`` then."""
        if key[0] not in self._balanced:
            return False
        # A service that is full has no more for it that another gives up its place.
        is_full = self._counts[key[0]] >= self._most.per_service
        if not (other := self._returns.takes_back(key, () if is_full else self._balanced)):
            return False
        self._count(other[0], -1)
        self._count(key[0], 1)
        self._waits_no_more(key)
        self._out.setdefault(other[0], {})[other] = None
        gone.append(other)
        return True

    def _count(self, service: str, by: int) -> None:
        self._counts[service] += by
        if not self._counts[service]:
            del self._counts[service]
        if service in self._balanced:
            self._here += by
        else:
            self._others += by

    def _moves_up(self) -> Iterable[Endpoint]:
        for service in list(self._out):
            while service in self._out and not self._reached(service):
                key = next(iter(self._out[service]))
                self._waits_no_more(key)
                self._enters(key)
                endpoint = self._seen.get(key)
                assert endpoint is not None
                yield endpoint

    def _reached(self, service: str) -> str:
        """The limit that keeps another one of ``service`` out, as the setting is called; or ``""``.

        What is kept for others can only be short when more than half is taken.
        """
        most, count = self._most, self._counts[service]
        if service not in self._balanced:
            others = len(self._counts) - sum(1 for name in self._balanced if name in self._counts)
            if not count and others >= most.services:
                return most.why_services
            return most.why_total if self._others >= most.total else ""
        if count >= most.per_service:
            return most.why_per_service
        if count < self._share or self._here < most.total // 2:
            return most.why_total if self._here >= most.total else ""
        shares = (self._share - self._counts[other] for other in self._balanced - {service})
        kept = sum(share for share in shares if share > 0)
        return most.why_total if self._here + kept >= most.total else ""

    def _problems(self) -> Iterable[Problem]:
        """One for each service and limit, but for services that nobody balances one in all."""
        for service, waiting in self._out.items():
            if service in self._balanced:
                yield self._problem(service, len(waiting), self._reached(service))
        others = [service for service in self._out if service not in self._balanced]
        if others:
            first = min(others)
            count = sum(len(self._out[service]) for service in others)
            yield self._problem("services not balanced", count, self._reached(first))

    def _problem(self, where: str, count: int, why: str) -> Problem:
        peak = self._peaks[where] = max(self._peaks[where], count)
        return Problem(f"(limit) {where}", f"{why} is reached: {_about(peak)} left out")


def _about(count: int) -> str:
    """In steps, so that a flood is told some times and not at each of its entries."""
    if count == 1:
        return "1 is"
    step = 1
    while step * 10 <= count:
        step *= 10
    least = next(n for n in (5, 2, 1) if n * step <= count) * step
    return f"{least} or more are"
