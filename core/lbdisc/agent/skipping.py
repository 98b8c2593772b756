"""Telling who is skipped, and who no more, at a pace that no registry can raise.

Whoever writes and deletes bad entries without end gets no more of the log than anybody else.
"""

from collections.abc import Iterable

from lbdisc.events import Cause, EntriesMended, EntriesSkipped
from lbdisc.listening.listeners import Tell
from lbdisc.values import NAMED, Problem

BURST = 10  # times that it is told at once
PAUSE = 30.0  # seconds until it is told once more
NEVER = float("-inf")


class Skipping:
    """Tells what differs from what was told last, at once or when that is due.

    Times are in seconds of the caller's clock.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told: tuple[frozenset[Problem], int] = frozenset(), 0
        self._here = self._told
        self._passed = 0  # problems that came and went untold
        self._cause: Cause | None = None
        self._room, self._counted = float(BURST), NEVER

    @property
    def here(self) -> tuple[frozenset[Problem], int]:
        """Who is skipped now, told or not, and how many more."""
        return self._here

    def look(self, problems: Iterable[Problem], more: int, *, cause: Cause, now: float) -> None:
        """These are skipped now, what matters most at first, and ``more`` that are not named."""
        found = list(dict.fromkeys(problems))
        here = frozenset(found[:NAMED])
        self._passed += len(self._here[0] - here - self._told[0])
        self._here, self._cause = (here, more + len(found) - len(here)), cause
        self.turn(now)

    @property
    def due(self) -> float | None:
        """When there is something to tell."""
        return self._counted + max(0.0, 1 - self._room) * PAUSE if self._has_news else None

    @property
    def _has_news(self) -> bool:
        return self._here != self._told or self._passed > 0

    def turn(self, now: float) -> None:
        """Tell what there is to tell, if it is time."""
        if not self._has_news:
            return
        if self._counted != NEVER:
            self._room = min(float(BURST), self._room + (now - self._counted) / PAUSE)
        self._counted = now
        if self._room >= 1:
            self._room -= 1
            self._say()

    def _say(self) -> None:
        (told, told_more), (here, more) = self._told, self._here
        new, mended = tuple(sorted(here - told)), tuple(sorted(told - here))
        passed, self._passed, self._told = self._passed, 0, self._here
        if new or passed or more > told_more:
            self._tell(EntriesSkipped(entries=new, more=more, passed=passed, cause=self._cause))
        if mended or more < told_more:
            self._tell(EntriesMended(entries=mended, more=more, cause=self._cause))
