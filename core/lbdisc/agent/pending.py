"""What waits to be applied: why, since when, and when it is time."""

from collections.abc import Callable

from lbdisc import events
from lbdisc.agent.desired import Desired
from lbdisc.agent.generations import Generations
from lbdisc.agent.pace import Pace
from lbdisc.agent.stages import Stages
from lbdisc.errors import LbdiscError
from lbdisc.events import Cause
from lbdisc.listening.listeners import Tell
from lbdisc.planned import Applied, Reload
from lbdisc.rendered import Rendered
from lbdisc.values import Snapshot


class Pending:
    """What is ``desired`` and does not run yet, at its ``pace``; ``cause`` is the newest one's.

    ``since`` is when the first news came that is not applied; ``files`` whether any beside the
    configuration changed. Times are those of ``clock``.
    """

    def __init__(
        self,
        pace: Pace,
        desired: Desired,
        generations: Generations,
        stages: Stages,
        tell: Tell,
        clock: Callable[[], float],
    ) -> None:
        self._pace = pace
        self._desired = desired
        self._generations = generations
        self._stages = stages
        self._tell = tell
        self._clock = clock
        self.cause = Cause(source="state")
        self.since: float | None = None
        self.files = False

    @property
    def in_step(self) -> bool:
        """Whether nothing waits to be applied."""
        return self._pace.first_change is None

    def news(self, arrived: float) -> None:
        """Something came in at that time that is to be applied."""
        if self.since is None:
            self.since = arrived

    def runs(
        self, snapshot: Snapshot, rendered: Rendered, applied: Applied, *, keep: bool = True
    ) -> None:
        """What waited was ``applied``; it runs, so many milliseconds after the first news.

        ``keep`` as in ``Generations.announce``.
        """
        since, self.since = self.since, None
        ms = None if since is None else (self._clock() - since) * 1000
        self._generations.announce(
            snapshot,
            rendered,
            applied,
            ms=ms,
            stages=self._stages.told(since),
            cause=self.cause,
            keep=keep,
        )

    def changed(self, now: float, cause: Cause) -> None:
        """Something is to be applied, because of ``cause``."""
        self.cause = cause
        self._pace.changed(now)
        number, count = self._generations.next_number, self._desired.count
        self._tell(events.ChangeWanted(generation=number, endpoints=count, cause=cause))

    def is_due(self, now: float) -> bool:
        """Whether to apply now: what needs no reload goes at once, a reload waits for quiet.

        So does a start: what does not run at all serves nobody meanwhile.
        """
        due = self._pace.due
        if due is None or self._pace.not_before > now:
            return False
        return due <= now or self._goes_at_once()

    def _goes_at_once(self) -> bool:
        if self._pace.failing:
            return False
        try:
            how = self._desired.planned(self._generations.running).how
            return not isinstance(how, Reload)
        except LbdiscError:
            return True  # applying says why, at once

    def is_long(self, now: float) -> bool:
        """Whether something waits for a reload for longer than a burst takes."""
        due = self._pace.due
        if due is None or self._generations.running is None or self._pace.failing:
            return False
        return due - now > self._pace.settings.quiet
