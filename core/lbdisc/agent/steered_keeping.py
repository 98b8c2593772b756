"""Keeping what operators ordered; tried again while the disk refuses."""

import time

from lbdisc import events
from lbdisc.agent.keeping import RETRY, not_kept
from lbdisc.listening.listeners import Tell
from lbdisc.listening.repeats import Repeats
from lbdisc.state.steered import SteeredFile, SteeringState


class SteeredKeeping:
    """Writes it at once, or at the next ``look``; what fails and what is mended is told.

    ``trouble`` is why what is ordered would not outlive a restart, empty where it would.
    """

    def __init__(self, file: SteeredFile, tell: Tell) -> None:
        self._file = file
        self._tell = tell
        self._failures = Repeats()
        self._waits: SteeringState | None = None
        self._again = 0.0
        self.trouble = ""

    def keep(self, steered: SteeringState) -> None:
        self._waits = None
        try:
            self._file.save(steered)
        except OSError as error:
            self._waits, self._again = steered, time.monotonic() + RETRY
            self.trouble = error.strerror or str(error)
            self._tell(not_kept(str(self._file.path), error, self._failures))
            return
        if self.trouble:
            self.trouble = ""
            self._failures.clear()
            self._tell(events.StateKept(file=str(self._file.path)))

    def later(self, steered: SteeringState) -> None:
        """At the next ``look``: nothing waits for a disk now."""
        self._waits = steered
        if not self.trouble:
            self._again = 0.0

    def look(self) -> None:
        if self._waits is not None and time.monotonic() >= self._again:
            self.keep(self._waits)
