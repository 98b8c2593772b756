"""Whether the agents of a registry agree, known at once or after a look of some seconds.

A difference that is older than ``fleet.LIMIT`` is known from what the agents say; a younger one is
watched for as long as is left. An agent that goes on changing meanwhile follows, if a little late;
one that stays as it is while all others have moved does not.
"""

import sys
import time
from threading import Event, Timer

from lbdisc import fleet, handshake
from lbdisc.fleet import Difference, Digest
from lbdisc.values import Snapshot


class Agreement:
    """Takes one snapshot after the other until ``known`` is set; ``broken`` is the outcome."""

    def __init__(self) -> None:
        self.known = Event()
        self.broken = False
        self.snapshot: Snapshot | None = None
        self._first: dict[str, Digest | None] = {}
        self._timer: Timer | None = None

    def look(self, snapshot: Snapshot) -> None:
        """The registry's state now."""
        if self.known.is_set():
            return
        self.snapshot = snapshot
        found = self._differ()
        self.broken = any(one.seconds >= fleet.LIMIT for one in found)
        if self.broken or not found:
            self._end()
        elif self._timer is None:
            self._first = self._digests()
            self._wait(fleet.LIMIT - min(one.seconds for one in found))

    def _wait(self, seconds: float) -> None:
        sys.stderr.write(f"agents differ since a moment: looking on for {seconds:.0f} s\n")
        self._timer = Timer(seconds, self._time_is_over)
        self._timer.daemon = True
        self._timer.start()

    def _time_is_over(self) -> None:
        first, now = self._first, self._digests()
        stayed = {name for name in now if name in first and first[name] == now[name]}
        self.broken = any(difference.agent in stayed for difference in self._differ())
        self.known.set()

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.known.set()

    def _differ(self) -> tuple[Difference, ...]:
        assert self.snapshot is not None
        return fleet.differences(handshake.agents(self.snapshot), time.time())

    def _digests(self) -> dict[str, Digest | None]:
        assert self.snapshot is not None
        return {agent.name: agent.digest for agent in handshake.agents(self.snapshot)}
