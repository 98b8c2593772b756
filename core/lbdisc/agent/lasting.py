"""Whether the registry answers for long enough to be believed, and when it is asked again.

A watch that publishes and fails again at once, in a loop, looks well at every moment that it
publishes. So one that failed soon after it was back is not back before it has lasted.
"""

from lbdisc.backoff import Backoff

STEADY = 5.0  # seconds that a watch lasts at least that has not failed again at once


class Lasting:
    """Times are in seconds of the caller's clock, which never goes back.

    Not safe for use by several threads.
    """

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._delay = 0.0  # the last one
        self._since: float | None = None  # when the watch that goes on has published first
        self._doubted = False  # whether it failed again soon after it was back
        self.answers = False
        self.failures = 0  # in a row, without a watch that lasted
        self.lost_at: float | None = None

    @property
    def _needed(self) -> float:
        return max(STEADY, 2 * self._delay)

    def published(self, now: float) -> bool:
        """Something was published; whether the registry is back by that."""
        if self._since is None:
            self._since = now
        return self._is_back(now)

    @property
    def due(self) -> float | None:
        """When a look may find that the registry is back."""
        waits = self._since is not None and not self.answers
        return self._since + self._needed if waits and self._since is not None else None

    def look(self, now: float) -> bool:
        """Whether the registry is back by now, as the watch has lasted."""
        return self._since is not None and self._is_back(now)

    def _is_back(self, now: float) -> bool:
        if self.answers or self._since is None:
            return False
        if self._doubted and now - self._since < self._needed:
            return False
        self.answers = True
        return True

    def failed(self, now: float) -> float:
        """The watch has failed; how long to wait before it is called again, in seconds."""
        since, self._since = self._since, None
        if since is not None:
            lasted = now - since >= self._needed
            self._doubted = not lasted and self.failures > 0
            if lasted:
                self.failures, self.lost_at = 0, None
                self._backoff.reset()
        if self.lost_at is None:
            self.lost_at = now
        self.answers = False
        self.failures += 1
        self._delay = self._backoff.next()
        return self._delay
