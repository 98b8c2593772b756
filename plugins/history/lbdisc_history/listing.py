"""``lbdisc history``: what happened, one line each."""

import json
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lbdisc_history.lines import Entry
from lbdisc_history.reading import JournalFolder, JournalPlace
from lbdisc_history.telling import QUIET, Telling, only

LOOK = 0.2  # seconds between two looks for what is new
ALONE = 5  # looks after which news wait no more for what they lead to
PAST = 1000  # entries in a row from before: earlier ones are too, whatever the clock did


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be listed: of ``service`` if it is given, and ``limit`` lines if not 0."""

    since: float = float("-inf")
    until: float = float("inf")
    service: str = ""
    limit: int = 0
    everything: bool = False
    as_json: bool = False

    def has(self, entry: Entry) -> bool:
        if not self.since <= float(entry.get("unix_s", 0)) <= self.until:
            return False
        return not self.service or only(entry, self.service) is not None

    def counts(self, entry: Entry) -> bool:
        """Whether it is a line of its own in any case."""
        return self.as_json or self.everything or entry["event"] not in (*QUIET, "news")

    @property
    def needles(self) -> tuple[bytes, ...]:
        """Bytes of which lines hold one, if they are wanted."""
        if not self.service:
            return ()
        return f'"service":"{self.service}"'.encode(), f"{self.service}/".encode()


def show(journal: JournalFolder, wanted: Wanted, *, follow: bool) -> None:
    """Print it, and with ``follow`` what comes, until interrupted."""
    reader, printer = _Reader(journal, beginning(journal, wanted)), _Printer(wanted)
    lines: deque[str] = deque(maxlen=wanted.limit or None)
    for entry in reader.read():
        lines.extend(printer.lines(entry))
        if not wanted.limit:  # all are wanted: none has to be kept
            sys.stdout.writelines(lines)
            lines.clear()
    lines.extend(printer.rest())
    sys.stdout.writelines(lines)
    sys.stdout.flush()
    if journal.damaged:
        sys.stderr.write(f"lbdisc: {journal.damaged} damaged lines were passed over\n")
    if follow:
        _follow(reader, printer)


class _Reader:
    """Entries from ``place`` on, and those that came since with each further ``read``."""

    def __init__(self, journal: JournalFolder, place: JournalPlace) -> None:
        self._journal = journal
        self._place = place

    def read(self) -> Iterator[Entry]:
        for behind, entry in self._journal.from_place(self._place):
            self._place = behind
            yield entry


def beginning(journal: JournalFolder, wanted: Wanted) -> JournalPlace:
    """Where to begin, looked for from the end: no more is read than is needed."""
    found, lines, past = None, 0, 0
    for place, entry in journal.backwards(*wanted.needles):
        past = past + 1 if float(entry.get("unix_s", 0)) < wanted.since else 0
        if past > PAST:
            break
        if wanted.has(entry):
            found = place
            lines += wanted.counts(entry)
            if wanted.limit and lines >= wanted.limit:
                break
    return found or _end(journal)


def _end(journal: JournalFolder) -> JournalPlace:
    """Behind the last entry."""
    last = next((place for place, _ in journal.backwards()), JournalPlace(0, 0))
    return next((behind for behind, _ in journal.from_place(last)), last)


def _follow(reader: _Reader, printer: "_Printer") -> None:
    idle = 0
    while True:
        idle += 1
        for entry in reader.read():
            sys.stdout.writelines(printer.lines(entry))
            idle = 0
        if idle == ALONE:
            sys.stdout.writelines(printer.rest())
        sys.stdout.flush()
        time.sleep(LOOK)


class _Printer:
    """Entries as lines, of those that are wanted."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._telling = Telling(service=wanted.service, everything=wanted.everything)

    def lines(self, entry: Entry) -> Iterator[str]:
        if not self._wanted.has(entry):
            return
        if self._wanted.as_json:
            yield f"{json.dumps(entry)}\n"
        else:
            yield from _ended(self._telling.lines(entry))

    def rest(self) -> Iterator[str]:
        return _ended(self._telling.rest())


def _ended(lines: Iterable[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)
