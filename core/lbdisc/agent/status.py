"""What ``lbdisc status`` shows, told by events alone and kept in the state folder."""

import os
import time
from collections import Counter
from functools import singledispatchmethod
from pathlib import Path
from threading import Lock
from typing import Any

from lbdisc import __version__, events
from lbdisc.agent.store import Store
from lbdisc.listening.repeats import Repeats
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
        self._counters: Counter[str] = Counter()
        self._problems: dict[Problem, None] = {}
        self._held: dict[tuple[str, str], dict[str, Any]] = {}
        self._broken: dict[str, dict[str, Any]] = {}
        self._saved: dict[str, Any] = {}
        self._failures = Repeats()
        self._found: dict[str, Any] = {
            "version": __version__,
            "pid": os.getpid(),
            "started": _stamp(time.time()),
            "backend": "",
            "output": "",
            "registry": "waiting",
            "registry_error": None,
            "registry_failures": 0,
            "announced": None,
            "announce_error": None,
            "settings_refused": None,
            "desired": {"number": self.earlier_number, "endpoints": None},
            "in_step": False,
            "generation": None,
            "written": None,
            "failure": None,
            "absent": [],
        }

    def hear(self, event: events.Event) -> None:
        with self._lock:
            self._take(event)

    def close(self) -> None:
        """What was saved stays."""

    def save(self) -> events.StateNotKept | None:
        """Write the file if it would say something new; what went wrong, if anything."""
        with self._lock:
            found = {
                **self._found,
                "held": [held for _, held in sorted(self._held.items())],
                "problems": [{"where": p.where, "what": p.what} for p in sorted(self._problems)],
                "broken": [{"plugin": name, **what} for name, what in self._broken.items()],
                "counters": dict(self._counters),
            }
        if found == self._saved:
            return None
        self._saved = found
        try:
            self._store.save_status(found)
        except OSError as error:
            return not_kept(self._store.status_file, error, self._failures)
        self._failures.clear()
        return None

    @singledispatchmethod
    def _take(self, event: events.Event) -> None:
        """Most events change nothing here."""

    @_take.register
    def _(self, event: events.ProgramStarted) -> None:
        self._found |= {
            "started": _stamp(event.unix_s),
            "backend": event.backend,
            "output": event.output,
        }

    @_take.register
    def _(self, event: events.SettingsReread) -> None:
        # Another watcher begins; its guard goes on with what is held.
        self._found["settings_refused"] = None
        self._found |= {"backend": event.backend, "registry": "waiting", "registry_error": None}

    @_take.register
    def _(self, event: events.SettingsRefused) -> None:
        at = _stamp(event.unix_s)
        self._found["settings_refused"] = {"error": event.error, "at": at}

    @_take.register
    def _(self, event: events.ChangeWanted) -> None:
        self._found["desired"] = {"number": event.generation, "endpoints": event.endpoints}
        self._found["in_step"] = False

    @_take.register
    def _(self, event: events.GenerationApplied) -> None:
        self._counters[f"applied_{event.how}"] += 1
        self._found["failure"] = None
        self._found["in_step"] = True
        self._found["generation"] = {
            "number": event.generation,
            "digest": event.digest,
            "files": list(event.files),
            "how": event.how,
            "at": _stamp(event.unix_s),
            "ms": None if event.ms is None else round(event.ms, 1),
            "cause": None if event.cause is None else str(event.cause),
        }

    @_take.register
    def _(self, event: events.GenerationWritten) -> None:
        at = _stamp(event.unix_s)
        self._found["written"] = {"number": event.generation, "digest": event.digest, "at": at}

    @_take.register
    def _(self, event: events.ApplyFailed) -> None:
        self._counters["failed"] += 1
        self._found["failure"] = {
            "error": event.error,
            "kind": event.kind,
            "at": _stamp(event.unix_s),
            "times": event.times,
        }

    @_take.register
    def _(self, event: events.Drifted) -> None:
        self._counters["drift"] += 1

    @_take.register
    def _(self, event: events.Tended) -> None:
        self._counters[f"tended_{event.how}"] += 1

    @_take.register
    def _(self, event: events.EntriesSkipped) -> None:
        self._counters["skipped"] += len(event.entries)
        self._problems |= dict.fromkeys(event.entries)

    @_take.register
    def _(self, event: events.EntriesMended) -> None:
        for entry in event.entries:
            self._problems.pop(entry, None)

    @_take.register
    def _(self, event: events.ServicesAbsent) -> None:
        self._found["absent"] = [str(absent) for absent in event.services]

    @_take.register
    def _(self, event: events.ServicesPresent) -> None:
        self._found["absent"] = []

    @_take.register
    def _(self, event: events.EndpointsHeld) -> None:
        until = None if event.for_s is None else _stamp(event.unix_s + event.for_s)
        for e in event.endpoints:
            self._counters["held"] += 1
            self._held[e.key] = {
                "service": e.service,
                "name": e.name,
                "address": e.address,
                "port": e.port,
                "by": event.by,
                "since": _stamp(event.unix_s - event.since_s),
                "until": until,
                "why": event.why,
            }

    @_take.register
    def _(self, event: events.EndpointsReleased) -> None:
        for endpoint in event.endpoints:
            self._counters["released"] += 1
            self._held.pop(endpoint.key, None)

    @_take.register
    def _(self, event: events.RegistryLost) -> None:
        self._found |= {"registry": "lost", "registry_error": event.error}
        self._found["registry_failures"] += 1

    @_take.register
    def _(self, event: events.RegistryBack) -> None:
        self._found |= {"registry": "ok", "registry_error": None}

    @_take.register
    def _(self, event: events.AgentAnnounced) -> None:
        self._found |= {"announced": event.agent, "announce_error": None}

    @_take.register
    def _(self, event: events.AgentNotAnnounced) -> None:
        self._found |= {"announced": None, "announce_error": event.error}

    @_take.register
    def _(self, event: events.AgentWithdrawn) -> None:
        self._found |= {"announced": None, "announce_error": None}

    @_take.register
    def _(self, event: events.PluginBroken) -> None:
        self._broken[event.plugin] = {
            "error": event.error,
            "times": event.times,
            "at": _stamp(event.unix_s),
        }


def not_kept(file: Path, error: OSError, failures: Repeats) -> events.StateNotKept:
    """``file`` could not be written; ``failures`` are those of this file before."""
    times = failures.count("", str(error))
    return events.StateNotKept(file=str(file), error=str(error), times=times, again=times > 1)


def _stamp(unix_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix_s))
