"""Who is to be left out: no clock of a writer counts, and no time in which nobody could write.

A registration is a record that its writer changes again and again. A reader that sees one unchanged
for the record's ``ttl`` leaves it out, by its own clock. That clock runs only while the store's
revision is seen to move, as every server of a cluster that has a majority writes once a second
(doozerd(1), ``-pulse``): while a server is frozen, cut off or without a majority, nobody's
heartbeat comes through, and that proves nothing of anybody.
"""

import time
from dataclasses import dataclass

CREDIT = 1.5  # seconds that one movement is evidence for, at most: a pulse, and half of one
GRACE = 5.0  # seconds without a movement after which everybody gets a whole ttl anew
NEVER = float("inf")


class LiveClock:
    """Seconds in which the registry could be written to, as far as one reader saw.

    One movement stands for up to ``credit`` seconds; none for ``grace`` seconds, and all silence
    before it is forgotten.
    """

    def __init__(self, *, credit: float = CREDIT, grace: float = GRACE) -> None:
        self._credit, self._grace = credit, grace
        self.seconds = 0.0
        self.anew = 0.0  # the ``seconds`` from which on silence counts
        self._revision = -1
        self._moved = NEVER

    def begin(self, revision: int, now: float) -> None:
        """A connection begins at ``revision``: what it tells is no movement yet."""
        self._revision = revision
        if now - self._moved > self._grace:
            self.anew = self.seconds
        self._moved = now

    def saw(self, revision: int, now: float) -> None:
        """The store is at ``revision``, by the monotonic clock at ``now``."""
        if revision <= self._revision:
            return
        gap = now - self._moved
        self.seconds += min(max(0.0, gap), self._credit)
        if gap > self._grace:
            self.anew = self.seconds
        self._revision, self._moved = revision, now

    def stood(self, now: float) -> float:
        """For how many seconds no movement was seen."""
        return max(0.0, now - self._moved)


@dataclass(slots=True)
class _Life:
    write: bytes  # which one was seen last
    ttl: float
    since: float
    seen_s: float  # unix seconds
    over: bool = False


class Lives:
    """What was written when, by path, in the time of a ``LiveClock``."""

    def __init__(self, clock: LiveClock) -> None:
        self._clock = clock
        self._lives: dict[str, _Life] = {}

    def saw(self, path: str, write: bytes, ttl: float) -> bool:
        """``write`` names what is at ``path``; whether it is to be listed.

        One that was seen before goes on where it was, also over a connection that broke.
        """
        life = self._lives.get(path)
        if life is None or life.write != write:
            life = self._lives[path] = _Life(write, ttl, self._clock.seconds, time.time())
        return not life.over

    def forget(self, path: str) -> None:
        self._lives.pop(path, None)

    def keep(self, paths: set[str]) -> None:
        """Forget all others."""
        for path in self._lives.keys() - paths:
            del self._lives[path]

    def silent(self, path: str) -> float:
        """For how many seconds it was seen unchanged, of those that count."""
        life = self._lives.get(path)
        return 0.0 if life is None else self._clock.seconds - max(life.since, self._clock.anew)

    def last_seen(self, path: str) -> float | None:
        """When what is there was seen for the first time, in unix seconds."""
        life = self._lives.get(path)
        return None if life is None else life.seen_s

    def end(self) -> list[str]:
        """The paths whose time is over since the last call."""
        ended = []
        for path, life in self._lives.items():
            if not life.over and self.silent(path) > life.ttl:
                life.over = True
                ended.append(path)
        return ended
