"""What happened: one log line for each change, and the state that ``lbdisc status`` shows."""

import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from lbdisc import __version__
from lbdisc.errors import LbdiscError
from lbdisc.generation import Generation
from lbdisc.planned import Applied
from lbdisc.settings import CoreSettings
from lbdisc.store import Store
from lbdisc.values import Endpoint, Problem

log = structlog.get_logger("lbdisc.agent")
NAMED = 10  # endpoints named in one log line; of more, the count tells


class Journal:
    """Logs, counts and keeps; writes the status file when something in it changed."""

    def __init__(self, store: Store, settings: CoreSettings) -> None:
        self._store = store
        self.settings = settings
        earlier = store.status() or {}
        number = (earlier.get("generation") or {}).get("number", 0)
        self._number = number if isinstance(number, int) else 0
        self._started = _now()
        self._generation: dict[str, Any] | None = None
        self._written: dict[str, Any] | None = None
        self._failure: dict[str, Any] | None = None
        self._problems: tuple[Problem, ...] = ()
        self._counters: Counter[str] = Counter()
        self._saved: dict[str, Any] = {}

    @property
    def number(self) -> int:
        """That of the generation that runs, or ran last; 0 before the first."""
        return self._number

    def running(self, generation: Generation, applied: Applied, seconds: float) -> None:
        """``generation`` runs, ``seconds`` after the event that led to it."""
        self._number = generation.number
        self._failure = None
        self._counters[f"applied_{applied.how}"] += 1
        change = generation.change
        log.info(
            "running",
            generation=generation.number,
            came=_named(change.added),
            went=_named(change.removed),
            changed=_named(change.changed),
            endpoints=len(generation.snapshot),
            how=str(applied.how),
            detail=applied.detail or None,
            ms=round(seconds * 1000, 1),
        )
        self._generation = {
            "number": generation.number,
            "digest": generation.digest,
            "files": [name for name, _ in generation.rendered.files],
            "how": str(applied.how),
            "at": _now(),
            "ms": round(seconds * 1000, 1),
        }
        try:
            self._store.save_snapshot(generation.snapshot, change)
        except OSError as error:
            log.error("cannot keep the snapshot", folder=str(self._store.folder), error=str(error))

    def written(self, generation: Generation) -> None:
        """The file holds ``generation``, and was checked."""
        if self._written is None or self._written["number"] != generation.number:
            self._written = {
                "number": generation.number,
                "digest": generation.digest,
                "at": _now(),
            }

    def failed(self, error: LbdiscError, delay: float) -> None:
        """The desired generation did not come to life; the next attempt is in ``delay`` seconds."""
        kind = type(error).__name__
        same = self._failure is not None and self._failure["error"] == str(error)
        times = self._failure["times"] + 1 if same and self._failure else 1
        self._failure = {"error": str(error), "kind": kind, "at": _now(), "times": times}
        self._counters["failed"] += 1
        if not same:
            log.error(
                "not applied; the running configuration stays",
                kind=kind,
                error=str(error),
                retry_s=round(delay, 1),
            )

    def tended(self, applied: Applied) -> None:
        """The load balancer was tidied up; what it serves is the same."""
        self._counters[f"tended_{applied.how}"] += 1
        log.info("tidied up", how=str(applied.how), detail=applied.detail or None)

    def drift(self, difference: str) -> None:
        self._counters["drift"] += 1
        log.warning("the load balancer does not run what it should: repairing", found=difference)

    def problems(self, problems: tuple[Problem, ...]) -> None:
        """Entries that are skipped now; each is logged once."""
        if problems == self._problems:
            return
        for problem in sorted(set(problems) - set(self._problems)):
            self._counters["skipped"] += 1
            log.warning("entry skipped", where=problem.where, why=problem.what)
        for problem in sorted(set(self._problems) - set(problems)):
            log.info("entry no longer in the way", where=problem.where)
        self._problems = problems

    def save(self, view: Mapping[str, Any]) -> None:
        """Write the status file if it would say something new."""
        status = {
            "version": __version__,
            "pid": os.getpid(),
            "started": self._started,
            "backend": self.settings.backend,
            "output": str(self.settings.output),
            **view,
            "generation": self._generation,
            "written": self._written,
            "failure": self._failure,
            "problems": [{"where": p.where, "what": p.what} for p in self._problems],
            "counters": dict(self._counters),
        }
        if status == self._saved:
            return
        try:
            self._store.save_status(status)
        except OSError as error:
            log.error("cannot write the status", folder=str(self._store.folder), error=str(error))
        self._saved = status


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _named(endpoints: Iterable[Endpoint]) -> str | None:
    names = [str(endpoint) for endpoint in endpoints]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more if names else None
