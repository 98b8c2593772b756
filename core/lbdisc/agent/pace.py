"""When to apply: bursts are merged, reloads keep their distance, failures are retried."""

from dataclasses import dataclass

from lbdisc.settings.tables import AgentSettings


@dataclass(slots=True)
class Pace:
    """Decides from times alone, in seconds of a clock that never goes back."""

    settings: AgentSettings
    first_change: float | None = None
    last_change: float = 0.0
    last_reload: float = float("-inf")
    not_before: float = float("-inf")

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

    def reloaded(self, now: float) -> None:
        self.last_reload = now

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
        return max(merged, self.last_reload + self.settings.min_reload_interval, self.not_before)
