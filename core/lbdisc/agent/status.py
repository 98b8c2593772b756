"""What ``lbdisc status`` shows, told by events alone and kept in the state folder."""

import time
from collections.abc import Mapping
from dataclasses import replace
from threading import Lock
from typing import Any

from lbdisc import events
from lbdisc.agent.keeping import RETRY, not_kept
from lbdisc.agent.observed import Observed
from lbdisc.agent.tally import Tally
from lbdisc.listening.repeats import Repeats
from lbdisc.state.heartbeat import Unwritten
from lbdisc.state.store import Store
from lbdisc.values import Problem


class Status:
    """Hears in the thread that tells; ``save`` is for the agent's loop, once a turn.

    It is no listener of a plugin's kind: the loop writes the file when a turn is over, so that it
    is there before anybody is told that the agent is ready, and no change waits for a disk.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.earlier_number = store.earlier_number
        self._lock = Lock()
        self._tally = Tally(self.earlier_number)
        self._saved: dict[str, Any] = {}
        self._again: float | None = None  # when to try what could not be written
        self._failures = Repeats()
        self._unwritten: dict[str, Unwritten] = {}

    def hear(self, event: events.Event) -> None:
        with self._lock:
            self._tally.take(event)
            self._note(event)

    def _note(self, event: events.Event) -> None:
        """What of the state folder cannot be written is the pulse's to know at once."""
        if isinstance(event, events.StateNotKept):
            found = Unwritten(file=event.file, error=event.error, since=event.unix_s)
            since = self._unwritten.get(event.file, found).since
            self._unwritten[event.file] = replace(found, since=since)
        elif isinstance(event, events.StateKept):
            self._unwritten.pop(event.file, None)

    def close(self) -> None:
        """The last word: that it was stopped, and was not killed."""
        self.save()

    @property
    def unwritten(self) -> Unwritten | None:
        """What of the state folder cannot be written now, if anything."""
        with self._lock:
            return next(iter(self._unwritten.values()), None)

    def observed(self, seen: Observed) -> None:
        """What the load balancer says of its servers and old processes; from any thread."""
        with self._lock:
            self._tally.observed(seen)

    def skipped(self, problems: frozenset[Problem], more: int) -> None:
        """Who is skipped now, and how many more that are not named; from any thread."""
        with self._lock:
            self._tally.skipped(problems, more)

    def waits(self, what: Mapping[str, Any] | None) -> None:
        """The changes that a pause keeps from being applied; from any thread."""
        with self._lock:
            self._tally.steered.waits = what

    def unlisted(self, keys: frozenset[tuple[str, str]]) -> None:
        """Who is overruled and not listed; from any thread."""
        with self._lock:
            self._tally.steered.unlisted = keys

    def save(self) -> events.StateNotKept | events.StateKept | None:
        """Write the file if it would say something new; what is to be told of that, if anything."""
        with self._lock:
            found = self._tally.found
        now = time.monotonic()
        if found == self._saved and (self._again is None or now < self._again):
            return None
        self._saved = found
        file, failed = str(self._store.status_file), self._again is not None
        try:
            self._store.save_status(found)
        except OSError as error:
            self._again = now + RETRY
            return not_kept(file, error, self._failures)
        self._again = None
        self._failures.clear()
        return events.StateKept(file=file) if failed else None
