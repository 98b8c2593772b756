"""The generation that runs, and what is told and kept of it."""

from collections.abc import Callable, Mapping, Sequence

from lbdisc import events
from lbdisc.agent.announcing import announced
from lbdisc.agent.desired import Desired
from lbdisc.agent.keeping import Keeping
from lbdisc.events import Cause
from lbdisc.generation import Generation
from lbdisc.listening.listeners import Tell
from lbdisc.planned import Applied, Reload
from lbdisc.rendered import Rendered
from lbdisc.values import Endpoint, Snapshot

# Causes of reloads that no entry of the registry has to answer for.
NOT_BY_ENTRIES = ("settings", "files", "drift", "trial", "state", "operator")


class Generations:
    """``number`` counts those that earlier agents brought; ``known`` is what the last of them
    served. ``reloaded`` is called when these had come or changed and took a reload.
    """

    def __init__(
        self,
        number: int,
        *,
        desired: Desired,
        keeping: Keeping,
        tell: Tell,
        reloaded: Callable[[Sequence[Endpoint]], None],
    ) -> None:
        self._number = number
        self._desired = desired
        self._keeping = keeping
        self._tell = tell
        self._reloaded = reloaded
        self._written = 0
        self.known: Snapshot | None = None
        self.running: Generation | None = None
        self.passed: tuple[Snapshot, Rendered] | None = None  # the last that was checked and ran

    @property
    def next_number(self) -> int:
        """The number of the generation that is brought next."""
        return self._number + 1

    def announce(
        self,
        snapshot: Snapshot,
        rendered: Rendered,
        applied: Applied,
        *,
        ms: float | None,
        stages: Mapping[str, float],
        cause: Cause,
        keep: bool = True,
    ) -> None:
        """``snapshot`` runs now, as ``rendered``, ``ms`` after its news came, by these ``stages``.

        It is kept for the next start if it is to be, and is known to be what runs.
        """
        before = self.running.snapshot if self.running else self.known or Snapshot()
        change = snapshot.since(before)
        self._number += 1
        generation = Generation(
            number=self._number, snapshot=snapshot, rendered=rendered, change=change
        )
        self.running = generation
        self._desired.fitting.known = snapshot
        if isinstance(applied.how, Reload) and before and cause.source not in NOT_BY_ENTRIES:
            self._reloaded((*change.added, *change.changed))
        for event in announced(generation, before, applied, ms=ms, stages=stages, cause=cause):
            self._tell(event)
        # Else nothing is known that could be kept, or it is not what is to run for good.
        if keep and self._desired.count is not None and self._desired.pinned is None:
            self._keeping.keep(snapshot, change)

    def look(self) -> None:
        """Keep what could not be kept, if it is time to try again."""
        self._keeping.look()

    def tell_written(self) -> None:
        """What runs is in the files by now."""
        running = self.running
        if running is not None and self._written != running.number:
            self._written = running.number
            self.passed = running.snapshot, running.rendered
            self._desired.blaming.applied()
            written = events.GenerationWritten(generation=running.number, digest=running.digest)
            self._tell(written)
