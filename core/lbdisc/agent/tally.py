"""What events add up to, as ``lbdisc status`` shows it: how things are now, and how often."""

import os
import time
from collections import Counter
from functools import singledispatchmethod
from typing import Any

from lbdisc import __version__, events
from lbdisc.agent.affected import Affected
from lbdisc.agent.observed import Observed
from lbdisc.agent.steered_tally import SteeredTally
from lbdisc.times import stamp
from lbdisc.values import Problem


class Tally:
    """Counts what it is told; ``earlier_number`` is that of the generation an agent before left."""

    def __init__(self, earlier_number: int) -> None:
        self._counters: Counter[str] = Counter()
        self._problems: frozenset[Problem] = frozenset()
        self._affected = Affected(self._counters)
        self.steered = SteeredTally()
        self._found: dict[str, Any] = {
            "version": __version__,
            "pid": os.getpid(),
            "started": stamp(time.time()),
            "stopped": None,
            "backend": "",
            "output": "",
            "registry": "waiting",
            "registry_since": _when(events.Event()),
            "registry_error": None,
            "registry_failures": 0,
            "registry_failing": 0,
            "announced": None,
            "announce_error": None,
            "settings_refused": None,
            "desired": {"number": earlier_number, "endpoints": None},
            "in_step": False,
            "in_step_since": _when(events.Event()),
            "generation": None,
            "written": None,
            "failure": None,
            "absent": [],
            "problems_more": 0,
            "untidy": None,
            "servers": None,
            "unanswered": "",
            "old_workers": None,
        }

    @property
    def found(self) -> dict[str, Any]:
        """All of it, ready for JSON; long lists are cut after ``values.NAMED``."""
        return {
            **self._found,
            **self._affected.endpoints,
            "problems": [{"where": p.where, "what": p.what} for p in sorted(self._problems)],
            **self._affected.others,
            **self.steered.found,
            "counters": dict(self._counters),
        }

    def skipped(self, problems: frozenset[Problem], more: int) -> None:
        """Who is skipped now, and how many more that are not named.

        What events say of that is told at a pace of its own.
        """
        self._problems, self._found["problems_more"] = problems, more

    def observed(self, seen: Observed) -> None:
        """What the load balancer says of its servers and old processes."""
        self._found["servers"] = seen.services
        self._found["unanswered"] = seen.unanswered
        ages = seen.lingering
        self._found["old_workers"] = None if ages is None else len(ages)

    def take(self, event: events.Event) -> None:
        """Count ``event`` in."""
        self._affected.take(event)
        self.steered.take(event)
        self._take(event)

    @singledispatchmethod
    def _take(self, event: events.Event) -> None:
        """Most events change nothing here."""

    @_take.register
    def _(self, event: events.ProgramStarted) -> None:
        self._found |= {
            "started": stamp(event.unix_s),
            "backend": event.backend,
            "output": event.output,
        }

    @_take.register
    def _(self, event: events.ProgramStopping) -> None:
        self._found["stopped"] = {"why": event.why, "error": "", "at": stamp(event.unix_s)}

    @_take.register
    def _(self, event: events.ProgramStopped) -> None:
        if self._found["stopped"] is not None:
            self._found["stopped"]["error"] = event.error

    @_take.register
    def _(self, event: events.SettingsReread) -> None:
        # Another watcher begins; its guard goes on with what is held.
        self._found |= {"backend": event.backend, "settings_refused": None}
        self._registry("waiting", event)

    @_take.register
    def _(self, event: events.SettingsRefused) -> None:
        at = stamp(event.unix_s)
        self._found["settings_refused"] = {"error": event.error, "at": at}

    def _registry(self, state: str, event: events.Event, error: str | None = None) -> None:
        if self._found["registry"] != state:
            self._found["registry_since"] = _when(event)
        self._found |= {"registry": state, "registry_error": error}

    def _in_step(self, is_so: bool, event: events.Event) -> None:
        if self._found["in_step"] != is_so:
            self._found |= {"in_step": is_so, "in_step_since": _when(event)}

    @_take.register
    def _(self, event: events.ChangeWanted) -> None:
        self._found["desired"] = {"number": event.generation, "endpoints": event.endpoints}
        self._in_step(False, event)

    @_take.register
    def _(self, event: events.GenerationApplied) -> None:
        self._counters[f"applied_{event.how}"] += 1
        self._found |= {"failure": None, "untidy": None}
        self._in_step(True, event)
        self._found["generation"] = {
            "number": event.generation,
            "digest": event.digest,
            "files": list(event.files),
            "how": event.how,
            **_when(event),
            "ms": None if event.ms is None else round(event.ms, 1),
            "cause": None if event.cause is None else str(event.cause),
        }

    @_take.register
    def _(self, event: events.GenerationWritten) -> None:
        at = stamp(event.unix_s)
        self._found["written"] = {"number": event.generation, "digest": event.digest, "at": at}

    @_take.register
    def _(self, event: events.ApplyFailed) -> None:
        self._counters["failed"] += 1
        self._found["failure"] = {
            "error": event.error,
            "kind": event.kind,
            "at": stamp(event.unix_s),
            "times": event.times,
        }

    @_take.register
    def _(self, event: events.Drifted) -> None:
        self._counters["drift"] += 1

    @_take.register
    def _(self, event: events.Tended) -> None:
        self._counters[f"tended_{event.how}"] += 1
        self._found["untidy"] = None

    @_take.register
    def _(self, event: events.TendFailed) -> None:
        self._found["untidy"] = {
            "error": event.error,
            "at": stamp(event.unix_s),
            "times": event.times,
        }

    @_take.register
    def _(self, event: events.EntriesSkipped) -> None:
        self._counters["skipped"] += len(event.entries) + event.passed

    @_take.register
    def _(self, event: events.ServicesAbsent) -> None:
        self._found["absent"] = [str(absent) for absent in event.services]

    @_take.register
    def _(self, event: events.ServicesPresent) -> None:
        self._found["absent"] = []

    @_take.register
    def _(self, event: events.RegistryLost) -> None:
        self._registry("lost", event, event.error)
        self._found["registry_failing"] = event.failures
        self._found["registry_failures"] += 1

    @_take.register
    def _(self, event: events.RegistryBack) -> None:
        self._registry("ok", event)
        self._found["registry_failing"] = 0

    @_take.register
    def _(self, event: events.AgentAnnounced) -> None:
        self._found |= {"announced": event.agent, "announce_error": None}

    @_take.register
    def _(self, event: events.AgentNotAnnounced) -> None:
        self._found |= {"announced": None, "announce_error": event.error}

    @_take.register
    def _(self, event: events.AgentWithdrawn) -> None:
        self._found |= {"announced": None, "announce_error": None}


def _when(event: events.Event) -> dict[str, Any]:
    """For people, and for whoever asks how long ago: a clock that jumps makes nothing longer."""
    return {"at": stamp(event.unix_s), "monotonic_s": round(event.monotonic_s, 1)}
