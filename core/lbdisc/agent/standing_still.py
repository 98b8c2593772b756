"""What an agent does that is to change nothing: what runs is kept alive and looked at, no more.

A load balancer that died is started again with what ran before, as nothing that serves at all is
worse than any change.
"""

from collections.abc import Callable
from pathlib import Path

import structlog

from lbdisc import events
from lbdisc.agent.applying import Applying
from lbdisc.agent.attempts import Attempts
from lbdisc.agent.desired import Desired
from lbdisc.agent.generations import Generations
from lbdisc.agent.looking import LIFE_SIGN, Looks
from lbdisc.agent.pace import Pace
from lbdisc.agent.pending import Pending
from lbdisc.errors import LbdiscError
from lbdisc.events import Cause
from lbdisc.generation import Generation
from lbdisc.hooks import Reloader
from lbdisc.listening.listeners import Tell
from lbdisc.planned import Applied, Nothing, Start, Write
from lbdisc.rendered import Rendered
from lbdisc.values import Snapshot

_log = structlog.get_logger("lbdisc.run")


class Stillness:
    """``left`` is what an agent before served and left in the files.

    ``guesses`` tells that it is not known whom the file serves that was taken over.
    """

    def __init__(
        self,
        reloader: Reloader,
        output: Path,
        *,
        generations: Generations,
        pending: Pending,
        applying: Applying,
        attempts: Attempts,
        pace: Pace,
        looks: Looks,
        desired: Desired,
        verify_every: Callable[[], float],
        tell: Tell,
        clock: Callable[[], float],
    ) -> None:
        self._reloader = reloader
        self._output = output
        self._generations = generations
        self._pending = pending
        self._applying = applying
        self._attempts = attempts
        self._pace = pace
        self._looks = looks
        self._desired = desired
        self._verify_every = verify_every
        self._tell = tell
        self._clock = clock
        self._brought: Rendered | None = None
        self._guessed = False
        self._drifted = False  # whether that was told, and is not over
        self.left: tuple[Snapshot | None, Rendered | None] = (None, None)
        self._next = float("-inf")

    @property
    def runs(self) -> bool:
        """Whether what runs was taken over or started here."""
        running = self._generations.running
        return running is not None and running.rendered is self._brought

    @property
    def guesses(self) -> bool:
        return self.runs and self._guessed

    @property
    def due(self) -> float:
        """When ``turn`` has something to do."""
        return max(self._next, self._pace.not_before)

    def begin(self) -> None:
        """From now on nothing is to change; whatever differs is to be told."""
        self._looks.anew()
        self._drifted = False

    def turn(self) -> None:
        """Once a second: take over what is there, or start what died."""
        now = self._clock()
        if now < self.due:
            return
        self._next = now + LIFE_SIGN
        try:
            running = self._generations.running
            if running is None:
                self._take_over()
            else:
                self._keep_alive(running)
        except LbdiscError as error:
            self._attempts.failed(error)

    def _take_over(self) -> None:
        """What is in the files counts as what runs: only a load balancer that is not there starts.

        What else it would take is for when the agent goes on.
        """
        known, written = self.left
        if written is None:
            return
        planned, applied = self._reloader.plan(self._output, None, written), Applied(how=Nothing())
        if isinstance(planned.how, Nothing | Write | Start):
            applied = self._applying.carry_out(planned)
        else:
            _log.warning("what runs may not be what is in the file", why=planned.how.detail)
        self._guessed = known is None
        self._runs(known or Snapshot(), written, applied, Cause(source="state"))

    def _keep_alive(self, running: Generation) -> None:
        """Start what died; of what else differs is told, and nothing done."""
        every = self._verify_every()
        found = self._looks.difference(running, self._clock(), verify_every=every)
        self._desired.plan_anew()
        if not self._looks.differs:
            self._is_over(running)
            return
        planned = self._reloader.plan(self._output, running.rendered, running.rendered)
        died, cause = isinstance(planned.how, Start), Cause(source="drift")
        if found:
            drifted = events.Drifted(
                generation=running.number, found=found, repaired=died, cause=cause
            )
            self._tell(drifted)
            self._drifted = not died
        if died:
            applied = self._applying.carry_out(planned)
            self._runs(running.snapshot, running.rendered, applied, cause)

    def _is_over(self, running: Generation) -> None:
        """Whatever differed does no more, by somebody else's doing."""
        if self._drifted:
            self._drifted = False
            self._tell(events.DriftOver(generation=running.number, cause=Cause(source="drift")))

    def _runs(self, snapshot: Snapshot, rendered: Rendered, applied: Applied, cause: Cause) -> None:
        """What waits goes on to wait."""
        pending = self._pending
        waits, since, its = not pending.in_step, pending.since, pending.cause
        self._brought, pending.cause = rendered, cause
        pending.runs(snapshot, rendered, applied, keep=not self._guessed)
        pending.cause, pending.since = its, since
        if waits:
            pending.changed(self._clock(), its)
