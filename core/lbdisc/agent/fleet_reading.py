"""What all agents of the registry say of orders now, and how fast orders of others are taken."""

import time
from collections import deque
from collections.abc import Callable

from lbdisc import fleet_orders
from lbdisc.agent.fleet_merging import visible
from lbdisc.fleet_orders import FleetWord
from lbdisc.handshake import AGENTS
from lbdisc.state.fleet_memory import Sign
from lbdisc.values import Endpoint, Problem, Snapshot

WITHIN = 60.0  # seconds in which so many orders are taken; others wait
OF_ONE, OF_ALL = 4 * fleet_orders.MOST, 8 * fleet_orders.MOST


class FleetReading:
    """Reads each entry once, however often the others change.

    ``words`` are those of the agents that live, by name, ``visible`` the signs of all their orders.
    """

    def __init__(self) -> None:
        self.words: tuple[FleetWord, ...] = ()
        self.visible: frozenset[Sign] = frozenset()
        self._published: Snapshot | None = None
        self._entries: tuple[Endpoint, ...] = ()
        self._read: dict[str, tuple[Endpoint, FleetWord]] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with orders in them."""
        return tuple(word.problem for word in self.words if word.problem is not None)

    def look(self, published: Snapshot | None) -> bool:
        """Read what was published; whether any agent says something else than before."""
        if published is None or published is self._published:
            return False
        self._published, entries = published, published.services.get(AGENTS, ())
        if entries == self._entries:
            return False
        self._entries, known, self._read = entries, self._read, {}
        for entry in entries:
            if not entry.draining:
                old = known.get(entry.name)
                word = old[1] if old and old[0] is entry else FleetWord.read(entry)
                self._read[entry.name] = entry, word
        self.words = tuple(word for _, word in self._read.values())
        self.visible = visible(self.words)
        return True


class TakingPace:
    """Lets ``OF_ALL`` orders pass in a minute, ``OF_ONE`` of an agent.

    Nobody has a disk written, or a log filled, without end. ``waits``: some have not passed.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._passed: deque[tuple[float, str]] = deque()  # when, and of whom
        self.waits = False

    def passes(self, agent: str) -> bool:
        """Whether another order of ``agent`` may be taken now."""
        now = self._clock()
        while self._passed and now - self._passed[0][0] >= WITHIN:
            self._passed.popleft()
        of_one = sum(1 for _, whose in self._passed if whose == agent)
        if len(self._passed) >= OF_ALL or of_one >= OF_ONE:
            self.waits = True
            return False
        self._passed.append((now, agent))
        return True
