"""Deleting what the dead left: readers leave them out, and somebody has to clean up.

Every registrar looks at one entry of its own service now and then, drawn by lot: so each is looked
at about as often, however many there are. Only an entry that says it needs heartbeats, and had none
for several times its ttl while ours came through, is deleted, as of the revision that was seen.
"""

import random
import time
from contextlib import suppress
from dataclasses import dataclass

import structlog

from lbdisc_doozer.connection import DoozerConnection
from lbdisc_doozer.evidence import LiveClock
from lbdisc_doozer.failures import DoozerFailure, Mismatch
from lbdisc_doozer.messages import DIRECTORY, Request, Verb
from lbdisc_doozer.record import claim_of

AFTER = 3.0  # times its ttl that an entry was silent
MOST = 16  # entries that are looked at again
_log = structlog.get_logger("lbdisc.doozer")


@dataclass(frozen=True, slots=True)
class _Suspect:
    revision: int
    ttl: float
    since: float


class Sweeper:
    """Looks at the neighbours of the entry at ``path``, once in ``ttl`` seconds."""

    def __init__(self, path: str, ttl: float) -> None:
        self._path = path
        self._folder = path.rpartition("/")[0]
        self._every = ttl
        self._due = time.monotonic() + ttl
        # Our own heartbeats are the evidence: one in a third of a ttl.
        self._clock = LiveClock(credit=ttl / 2, grace=ttl)
        self._suspects: dict[str, _Suspect] = {}

    def wrote(self, revision: int) -> None:
        """Our heartbeat came through."""
        self._clock.saw(revision, time.monotonic())

    def met(self, revision: int) -> None:
        """Another connection."""
        self._clock.begin(revision, time.monotonic())
        self._suspects.clear()

    def sweep(self, connection: DoozerConnection) -> None:
        """If it is time. What fails is tried another time."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._every
        with suppress(DoozerFailure):
            for path in [*self._suspects]:
                self._look_again(connection, path)
            self._look_at_one(connection)

    def _look_at_one(self, connection: DoozerConnection) -> None:
        folder = connection.ask(Request(Verb.STAT, path=self._folder))
        if folder.rev != DIRECTORY or not folder.len or len(self._suspects) >= MOST:
            return
        place = random.randrange(folder.len)
        name = connection.ask(Request(Verb.GETDIR, path=self._folder, offset=place)).path
        path = f"{self._folder}/{name}"
        if path == self._path or path in self._suspects:
            return
        answer = connection.ask(Request(Verb.GET, path=path))
        ttl = claim_of(answer.value).ttl
        if answer.rev and ttl:
            self._suspects[path] = _Suspect(answer.rev, ttl, self._clock.seconds)

    def _look_again(self, connection: DoozerConnection, path: str) -> None:
        suspect = self._suspects[path]
        if connection.ask(Request(Verb.STAT, path=path)).rev != suspect.revision:
            del self._suspects[path]
            return
        silent = self._clock.seconds - max(suspect.since, self._clock.anew)
        if silent > AFTER * max(suspect.ttl, self._every):
            del self._suspects[path]
            with suppress(Mismatch):
                connection.ask(Request(Verb.DEL, path=path, rev=suspect.revision))
                _log.info("deleted what has no heartbeat", path=path, silent_s=round(silent, 1))
