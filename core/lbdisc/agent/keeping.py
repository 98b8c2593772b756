"""Keeping what is served for a start without the registry; tried again while the disk refuses."""

import time
from collections.abc import Callable

from lbdisc import events
from lbdisc.listening.listeners import Tell
from lbdisc.listening.repeats import Repeats
from lbdisc.state.store import Store
from lbdisc.values import Change, Snapshot

RETRY = 5.0  # seconds after a write that failed


class Keeping:
    """Writes the last snapshot; what fails and what is mended is told."""

    def __init__(
        self, store: Store, tell: Tell, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._tell = tell
        self._clock = clock
        self._failures = Repeats()
        self._unkept: Snapshot | None = None
        self._again = 0.0

    def keep(self, snapshot: Snapshot, change: Change | None = None) -> None:
        """``change`` is the way from what was kept before, where that is known."""
        file = self._store.snapshot_file
        try:
            self._store.save_snapshot(snapshot, change)
        except OSError as error:
            self._unkept, self._again = snapshot, self._clock() + RETRY
            self._tell(not_kept(str(file), error, self._failures))
            return
        if self._unkept is not None:
            self._unkept = None
            self._failures.clear()
            self._tell(events.StateKept(file=str(file)))

    def look(self) -> None:
        """Try again what failed, if it is time."""
        if self._unkept is not None and self._clock() >= self._again:
            self.keep(self._unkept)


def not_kept(file: str, error: OSError, failures: Repeats) -> events.StateNotKept:
    """``file`` could not be written; ``failures`` are those of this file before."""
    why = error.strerror or str(error)
    times = failures.count("", why)
    return events.StateNotKept(file=file, error=why, times=times, again=times > 1)
