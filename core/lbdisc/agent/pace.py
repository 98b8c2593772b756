"""When to apply: bursts are merged, reloads keep their distance, failures are retried.

Each reload leaves a worker that lives on until its connections end. So the first few may follow
each other at ``min_reload_interval``; each further one waits twice as long as the one before, up to
``max_reload_interval``. What goes on at run time never waits for that.
"""

import math
from dataclasses import dataclass

from lbdisc.settings.tables import AgentSettings

FREE = 6  # reloads in a row that keep no more than the least distance
CALM = 10.0  # seconds beyond the distance, after which one reload less counts


@dataclass(slots=True)
class Pace:
    """Decides from times alone, in seconds of a clock that never goes back."""

    settings: AgentSettings
    first_change: float | None = None
    last_change: float = 0.0
    last_reload: float = float("-inf")
    not_before: float = float("-inf")
    in_a_row: float = 0.0  # reloads, less what calm has taken of them

    def changed(self, now: float) -> None:
        """A change is waiting (again)."""
        if self.first_change is None:
            self.first_change = now
        self.last_change = now

    def settled(self) -> None:
        """Nothing is waiting any more."""
        self.first_change = None
        self.not_before = float("-inf")

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self.not_before != float("-inf")

    def reloaded(self, now: float, *, for_a_change: bool = True) -> None:
        """Just now; who reloads for itself, as to tidy up, has a pace of its own."""
        if not for_a_change:
            self.last_reload = now
            return
        calm = max(0.0, now - self.last_reload - self.distance) / CALM
        self.in_a_row = min(max(0.0, self.in_a_row - calm) + 1, self._most)
        self.last_reload = now

    @property
    def distance(self) -> float:
        """Seconds from the last reload to the next at the earliest."""
        least = self.settings.min_reload_interval
        doubled: float = least * 2.0 ** max(0.0, self.in_a_row - FREE)
        return max(least, min(doubled, self.settings.max_reload_interval))

    @property
    def _most(self) -> float:
        """So many in a row make the greatest distance; more are not counted."""
        least, most = self.settings.min_reload_interval, self.settings.max_reload_interval
        return FREE + (math.log2(most / least) if most > least > 0 else 0.0)

    def forgive(self) -> None:
        """An operator changed something: that does not wait for what others did."""
        self.in_a_row = 0.0

    def failed(self, now: float, delay: float) -> None:
        """Try again in ``delay`` seconds, even if nothing changes."""
        self.changed(now)
        self.not_before = now + delay

    def hurry(self, now: float) -> None:
        """What waits is not to wait for quiet, nor for a failure's delay to be over."""
        self.first_change = now - self.settings.max_wait
        self.not_before = float("-inf")

    @property
    def due(self) -> float | None:
        """When the waiting change is to be applied; ``None`` when none waits."""
        if self.first_change is None:
            return None
        quiet = self.last_change + self.settings.quiet
        merged = min(quiet, self.first_change + self.settings.max_wait)
        return max(merged, self.last_reload + self.distance, self.not_before)
