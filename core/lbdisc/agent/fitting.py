"""No more endpoints than the load balancer has room for: known before it is reloaded or started."""

from collections.abc import Callable, Collection
from dataclasses import replace

from lbdisc.abilities import Bounded
from lbdisc.agent.limits import Limits, Most
from lbdisc.hooks import Reloader
from lbdisc.rendered import Rendered
from lbdisc.values import Problem, Snapshot


class Fitting:
    """Leaves out whoever came when there was no room left. ``known`` are served, and stay.

    ``services`` are all that are balanced. A reloader that cannot tell has room for all.
    """

    def __init__(self, reloader: Reloader, services: Collection[str]) -> None:
        self._bounded = reloader if isinstance(reloader, Bounded) else None
        self._services = services
        self.known = Snapshot()
        self._enough: int | None = None  # for how many endpoints there surely is room
        self._limits: Limits | None = None
        self._most: Most | None = None
        self.problems: frozenset[Problem] = frozenset()

    def anew(self) -> None:
        """There may be more room or less, as after a reload."""
        self._enough = None

    def change(self, services: Collection[str]) -> None:
        """From now on ``services`` are balanced."""
        self._services = services
        self._bound(None)
        self.anew()

    def sift(self, wanted: Snapshot) -> Snapshot:
        """What of ``wanted`` there is room for, as far as that is known."""
        if self._limits is None:
            return wanted
        listed = Snapshot(wanted.endpoints)
        passed = self._limits.take(listed)
        self.problems = frozenset(passed.problems)
        return wanted if passed is listed else replace(wanted, endpoints=passed.endpoints)

    def rendered(
        self, wanted: Snapshot, render: Callable[[Snapshot], Rendered]
    ) -> tuple[Snapshot, Rendered]:
        """What of ``wanted`` there is room for, and what ``render`` makes of it.

        Raises what ``render`` raises.
        """
        served = self.sift(wanted)
        rendered = render(served)
        while self._too_many(served, rendered):
            served = self.sift(wanted)
            rendered = render(served)
        return served, rendered

    def _too_many(self, served: Snapshot, rendered: Rendered) -> bool:
        count = len(served)
        if self._bounded is None or not count or (self._enough and count <= self._enough):
            return False
        found = self._bounded.room(rendered)
        if found is None or not found.servers:
            self._bound(None)
            self._enough = 2 * count
            return False
        self._enough = max(1, count * found.fits // found.servers)
        more = self._most is not None and self._enough > self._most.total
        if count <= self._enough and not more:
            return False
        self._bound(Most.of(self._enough, found.why))
        return True

    def _bound(self, most: Most | None) -> None:
        """From now on no more than ``most``; all services have their share of it."""
        if most == self._most:
            return
        self._most, self.problems = most, frozenset()
        self._limits = None if most is None else Limits(most, self._services, self.known)
