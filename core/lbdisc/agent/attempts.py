"""Attempts to bring what is desired to life, again and again until one comes through.

One that fails is told, noted for the agent after this one, and followed by another after a while.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress

from lbdisc import events
from lbdisc.agent.applying import Applying
from lbdisc.agent.desired import Desired
from lbdisc.agent.generations import Generations
from lbdisc.agent.legacy import Legacy
from lbdisc.agent.looking import Looks
from lbdisc.agent.meanwhile import Meanwhile
from lbdisc.agent.pace import Pace
from lbdisc.agent.pending import Pending
from lbdisc.agent.retrying import Retries
from lbdisc.agent.stages import Stages
from lbdisc.errors import ApplyError, CheckError, LbdiscError, NotLoaded, RenderError
from lbdisc.events import Cause
from lbdisc.listening.listeners import Tell
from lbdisc.listening.repeats import Repeats
from lbdisc.planned import Applied
from lbdisc.rendered import Rendered
from lbdisc.values import Snapshot


class Attempts:
    """Set the ``pace`` by ``retries`` where they fail; ``skipped`` is called after each."""

    def __init__(
        self,
        pace: Pace,
        retries: Retries,
        legacy: Legacy,
        looks: Looks,
        *,
        desired: Desired,
        generations: Generations,
        pending: Pending,
        applying: Applying,
        meanwhile: Meanwhile,
        stages: Stages,
        tell: Tell,
        clock: Callable[[], float],
        skipped: Callable[[], None],
    ) -> None:
        self._pace = pace
        self._retries = retries
        self._legacy = legacy
        self._looks = looks
        self._desired = desired
        self._generations = generations
        self._pending = pending
        self._applying = applying
        self._meanwhile = meanwhile
        self._stages = stages
        self._tell = tell
        self._clock = clock
        self._skipped = skipped
        self._failures = Repeats()

    def bring(self) -> None:
        """Render, apply and verify the desired snapshot; plan the next attempt when that fails.

        Who is refused is left out at once, before the next ones are taken in: a stream of bad ones
        would let nothing through.
        """
        while self._attempt():
            pass

    def _attempt(self) -> bool:
        """Whether to go on at once, without those that were left out just now."""
        try:
            snapshot, rendered = self._desired.rendered()
            applied = self._applying.apply(rendered, files=self._pending.files)
        except (CheckError, RenderError) as error:
            return self._refused(error, self._stages.failed(error, self._pending.since))
        except LbdiscError as error:
            stages = self._stages.failed(error, self._pending.since)
            if isinstance(error, NotLoaded) and self._desired.pinned is None:
                self._meanwhile.stand_in()
            self.failed(error, stages)
            return False
        finally:
            self._desired.render_anew()
            self._skipped()
        self._came_to_life(snapshot, rendered, applied)
        return False

    def bring_pinned(self, snapshot: Snapshot, rendered: Rendered, cause: Cause) -> None:
        """Bring an operator's ``rendered``, which serves ``snapshot``, once.

        Raises ``LbdiscError`` where it does not come to life: the operator hears of it.
        """
        applied = self._applying.apply(rendered, files=self._pending.files)
        self._desired.render_anew()
        self._pending.cause = cause
        self._came_to_life(snapshot, rendered, applied)

    def _came_to_life(self, snapshot: Snapshot, rendered: Rendered, applied: Applied) -> None:
        self._pending.files = False
        self._pace.settled()
        self._legacy.applied()
        self._retries.over()
        self._failures.clear()
        self._pending.runs(snapshot, rendered, applied)

    def _refused(self, error: CheckError | RenderError, stages: Mapping[str, float]) -> bool:
        """Whether somebody is at fault and left out; if nobody is, what passed last goes on."""
        blaming, served = self._desired.blaming, self._desired.served
        passed = self._generations.passed
        try:
            if self._desired.pinned is not None:
                self._applying.keep_alive()
                self.failed(error, stages)
                return False
            if blaming.judge(error, passed[0] if passed else Snapshot(), served):
                return True
            self._applying.keep_alive()
            self._meanwhile.stand_in()
            self.failed(blaming.explained(error, served), stages)
        except LbdiscError as another:
            self.failed(another, stages)
        return False

    def failed(self, error: LbdiscError, stages: Mapping[str, float] | None = None) -> None:
        """What is desired does not run, after these ``stages``; another attempt follows."""
        delay = self._retries.after(error)
        self._pace.failed(self._clock(), delay)
        if not isinstance(error, NotLoaded):  # what runs is known, and the reloader notes the rest
            self._note(error, delay)
        kind = type(error).__name__
        times = self._failures.count(kind, str(error))
        self._tell(
            events.ApplyFailed(
                generation=self._generations.next_number,
                kind=kind,
                error=str(error),
                retry_s=delay,
                stages=stages or {},
                times=times,
                again=times > 1,
                cause=self._pending.cause,
            )
        )

    def _note(self, error: LbdiscError, delay: float) -> None:
        """For the agent after this one, and for the looks at what runs."""
        with suppress(LbdiscError):
            self._legacy.failed(self._desired.rendered()[1].digest, delay)
        if isinstance(error, ApplyError) and self._generations.running is not None:
            self._looks.doubt(self._generations.running)
