"""An endpoint that is left out because the load balancer refuses it, and when it is tried again."""

from dataclasses import dataclass, replace

from lbdisc.agent.blame import Suspect
from lbdisc.values import Problem

FIRST, MOST = 60.0, 3600.0  # seconds between two trials


@dataclass(frozen=True, slots=True)
class LeftOut:
    """``suspect`` was refused by ``words``, and is tried again at ``due``; then after ``pause``."""

    suspect: Suspect
    words: str
    due: float
    pause: float
    most: float = MOST

    @property
    def problem(self) -> Problem:
        return self.suspect.problem(self.words)

    def later(self, now: float) -> "LeftOut":
        """Refused once more."""
        return replace(self, due=now + self.pause, pause=min(self.pause * 2, self.most))
