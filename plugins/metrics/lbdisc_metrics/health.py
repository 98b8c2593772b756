"""Whether the program lives, and whether it is ready: for supervisors, in one line each."""

import json
import time
from collections.abc import Callable
from functools import singledispatchmethod
from pathlib import Path

from lbdisc import events, own_files
from lbdisc.showing import one_line

STALE = 15.0  # seconds without a heartbeat, as `lbdisc status` has it
STUCK = 30.0  # seconds without a turn of the agent's loop, likewise
_MOST = 200  # characters of a reason


class Health:
    """``alive`` and ``ready`` say what is wrong, ``""`` if nothing is; from any thread."""

    def __init__(
        self, started: events.ProgramStarted, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._program = started.program
        self._began = started.monotonic_s
        self._file = Path(started.state_dir) / "heartbeat"
        self._clock = clock
        self._ready = False
        self._stopping = ""
        self._why = "nothing runs yet" if self._program == "run" else "not registered yet"

    @property
    def alive(self) -> str:
        """That of an agent is what its heartbeat says; an instance has none, and answers."""
        if self._program != "run":
            return ""
        try:
            beat = json.loads(own_files.read(self._file))
            beat_at, turned = float(beat["monotonic_s"]), float(beat["turned_s"])
        except (OSError, ValueError, TypeError, KeyError):
            beat_at = turned = self._began  # it may be the first, or half of a new one
        now = self._clock()
        if (age := now - max(beat_at, self._began)) > STALE:
            return f"no heartbeat for {age:.0f} s"
        if (age := now - max(turned, self._began)) > STUCK:
            return f"the agent's loop has not turned for {age:.0f} s"
        return ""

    @property
    def ready(self) -> str:
        """In step once and not stopping; registered, for an instance."""
        if self._stopping:
            return f"stopping: {self._stopping}"
        return "" if self._ready else one_line(self._why, _MOST)

    @singledispatchmethod
    def hear(self, event: events.Event) -> None:
        """Most events change nothing here."""

    @hear.register
    def _(self, event: events.GenerationApplied) -> None:
        self._ready = True

    @hear.register
    def _(self, event: events.ApplyFailed) -> None:
        self._why = f"nothing runs yet: {event.kind}: {event.error}"

    @hear.register
    def _(self, event: events.RegistryLost) -> None:
        self._why = f"nothing runs yet: registry: {event.error}"

    @hear.register
    def _(self, event: events.ProgramStopping) -> None:
        self._stopping = event.why or "told to"

    @hear.register
    def _(self, event: events.EntryRegistered) -> None:
        self._ready = True

    @hear.register
    def _(self, event: events.EntryKept) -> None:
        self._ready = not event.endpoint.draining

    @hear.register
    def _(self, event: events.EntryDraining) -> None:
        self._ready, self._why = False, "draining"

    @hear.register
    def _(self, event: events.EntryWaiting) -> None:
        self._ready, self._why = False, "another holds its name"

    @hear.register
    def _(self, event: events.EntryRefused) -> None:
        if not isinstance(event, events.EntryUnrenewed | events.ChangeRefused):
            self._ready, self._why = False, f"not registered: {event.error}"

    @hear.register
    def _(self, event: events.CheckGaveUp) -> None:
        self._ready, self._why = False, f"check failed: {event.error}"

    @hear.register
    def _(self, event: events.EntryLeft) -> None:
        self._ready = False
