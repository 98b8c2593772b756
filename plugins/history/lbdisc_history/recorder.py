"""The listener: puts what happens into the journal, and never stands in anybody's way."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

import structlog

from lbdisc import events
from lbdisc.errors import LbdiscError
from lbdisc.events.entries import entry_of
from lbdisc.values import Endpoint, is_reserved
from lbdisc_history.clock import BelievedClock
from lbdisc_history.generations import GenerationTexts
from lbdisc_history.lines import Entry
from lbdisc_history.servers import ServerChanges
from lbdisc_history.settings import HistorySettings
from lbdisc_history.writing import JournalWriter

log = structlog.get_logger("lbdisc.history")
RETRY = 10.0  # seconds before what could not be written is tried again
SYNC = 1.0  # seconds between two waits for the disk, at least
AGING = 3600.0  # seconds between two looks for what is too old
DAY = 86400.0
LEASES = 1000  # that are kept with news
# The first is told again by what follows from it, the others by the servers and the entries.
UNTOLD = (events.ChangeWanted, events.FleetSeen)


class HistoryRecorder:
    """Keeps the history of ``lbdisc run``; deaf in other programs.

    A disk that is full costs one line of the log and entries, nothing else: what was missed is
    counted, and the next that can be kept says so. ``clock`` never goes back.
    """

    def __init__(
        self, settings: HistorySettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._monotonic = clock
        self._journal: JournalWriter | None = None
        self._servers = ServerChanges()
        self._generations = GenerationTexts()
        self._counts: Counter[str] = Counter()
        self._missed = 0
        self._again = float("-inf")  # when to try what could not be written
        self._said = ""  # why it could not
        self._well: float | None = None  # since when it can be again
        self._runs = False
        self._clock = BelievedClock(time.time(), clock())
        self._aged = clock()
        self._synced = float("-inf")  # when the disk was waited for last
        self._unsynced = ""  # why it could not be

    def hear(self, event: events.Event) -> None:
        if isinstance(event, events.ProgramStarted):
            self._runs = event.program == "run"
        if self._runs:
            self._hear(event)
            self._sync()

    def _hear(self, event: events.Event) -> None:
        if isinstance(event, UNTOLD) or _is_repetition(event):
            return
        entry = self._entry(event)
        if entry is None:
            return
        now = self._monotonic()
        if now < self._again:
            self._missed += 1
            return
        try:
            self._keep(event, entry)
        except (OSError, LbdiscError) as error:
            self._failed(error, now)
        else:
            self._went_well(now)

    def _sync(self) -> None:
        """Wait for the disk, now and then: what came since the last time is on it together.

        Something is heard every few seconds, as the load balancer is asked that often.
        """
        now = self._monotonic()
        if self._journal is None or now - self._synced < SYNC:
            return
        self._synced = now
        try:
            self._journal.sync()
        except OSError as error:
            reason = error.strerror or str(error)
            if reason != self._unsynced:
                log.warning("the history may not outlive a power loss", error=reason)
            self._unsynced = reason
        else:
            self._unsynced = ""

    def _keep(self, event: events.Event, entry: Entry) -> None:
        journal = self._journal or self._open()
        if self._missed:
            gap = {"missed": self._missed, "error": self._said}
            journal.append({**_times(entry), "event": "history missed", **gap})
            self._missed = 0
            self._generations.lost_sight()
            self._servers = ServerChanges()
        if isinstance(event, events.GenerationApplied):
            entry |= self._generations.named(event, journal)
        journal.append(entry)
        self._age(journal)

    def _open(self) -> JournalWriter:
        journal = JournalWriter(self._settings.folder, most=self._settings.max_mb * 1_000_000)
        self._journal = journal
        if journal.cut:
            log.warning(
                "the last entry of the history was half written, and is cut off",
                bytes=journal.cut,
                folder=str(journal.folder),
            )
            journal.append({**_now(), "event": "history cut", "bytes": journal.cut})
        return journal

    def _failed(self, error: OSError | LbdiscError, now: float) -> None:
        self._missed += 1
        self._again, self._well = now + RETRY, None
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        if reason != self._said:
            self._said = reason
            log.error(
                "history not kept, trying again", error=reason, folder=str(self._settings.folder)
            )

    def _went_well(self, now: float) -> None:
        """On a full disk what is small may find room, and the next may not: that is not told."""
        if not self._said:
            return
        if self._well is None:
            self._well = now
        elif now - self._well >= RETRY:
            log.info("history kept again", folder=str(self._settings.folder))
            self._said, self._well = "", None

    def _age(self, journal: JournalWriter) -> None:
        """Drop what is too old, now and then, while the clock can be believed."""
        now, unix = self._monotonic(), time.time()
        if now - self._aged < AGING:
            return
        self._aged = now
        if self._clock.is_steady(unix, now):
            most = self._settings.max_age_days * DAY
            with suppress(OSError):  # the entry is there, and the next look is soon enough
                journal.prune(older_than=unix - most)
                journal.rotate_if_older(unix - most / 8)

    def _entry(self, event: events.Event) -> Entry | None:
        if isinstance(event, events.ServersObserved):
            changed = self._servers.entry(event)
            return None if changed is None else {**_times_of(event), **changed}
        if isinstance(event, events.RegistryNews):
            return self._news(event)
        return entry_of(event)

    def _news(self, event: events.RegistryNews) -> Entry | None:
        """With how many each service had that lost some. What agents say of themselves is left out,
        but who comes and goes of them.
        """
        is_first = not (event.went or event.changed) and event.total == len(event.came)
        if is_first:  # that a watcher tells
            self._counts.clear()
        had = {
            service: self._counts[service] for service in sorted({e.service for e in event.went})
        }
        self._counts.update(e.service for e in event.came)
        self._counts.subtract(e.service for e in event.went)
        self._counts += Counter()
        entry = entry_of(event if len(event.leases) <= LEASES else _of_gone(event))
        told = [pair for pair in event.changed if not is_reserved(pair[1].service)]
        if len(told) != len(event.changed):
            entry |= {"changed": entry_of(_only(event, told)).get("changed", [])}
        if not (event.came or event.went or told):
            return None
        return entry | {"of": had} if had else entry

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()


def _only(
    event: events.RegistryNews, told: Iterable[tuple[Endpoint, Endpoint]]
) -> events.RegistryNews:
    return events.RegistryNews(changed=tuple(told), total=event.total)


def _of_gone(event: events.RegistryNews) -> events.RegistryNews:
    """Of a whole registry that is told at once nobody asks by what each entry lives."""
    gone = {endpoint.key for endpoint in event.went}
    return replace(event, leases=tuple(lease for lease in event.leases if lease.key in gone))


def _is_repetition(event: events.Event) -> bool:
    """A failure that was met before is kept after 2, 4, 8 … times."""
    if not (isinstance(event, events.Trouble) and event.again):
        return False
    return event.times & (event.times - 1) != 0


def _now() -> Entry:
    return {"unix_s": round(time.time(), 3), "monotonic_s": round(time.monotonic(), 3)}


def _times_of(event: events.Event) -> Entry:
    return {**_times(entry_of(event)), "event": event.name}


def _times(entry: Entry) -> Entry:
    return {key: entry[key] for key in ("unix_s", "monotonic_s")}
