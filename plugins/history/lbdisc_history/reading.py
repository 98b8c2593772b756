"""Reading a journal, also while it is written: backwards by blocks, forwards from a place.

Memory is bounded by ``segments.BLOCK`` and the longest line, whatever the journal's size.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lbdisc import own_files
from lbdisc.errors import EntryError, LbdiscError
from lbdisc.events.entries import endpoint_of
from lbdisc.values import Endpoint, Snapshot
from lbdisc_history.lines import Entry, opened
from lbdisc_history.segments import Segment, lines_backwards, segments
from lbdisc_history.texts import TextFolder


@dataclass(frozen=True, slots=True, order=True)
class JournalPlace:
    """Where a line begins: in the file of that number, at that byte."""

    file: int
    byte: int


Found = tuple[JournalPlace, Entry]


class Kept(Protocol):
    """What was recorded, wherever it is."""

    def forwards(self) -> Iterator[Entry]:
        """All entries in their order."""

    def text(self, digest: str) -> str:
        """Raises ``LbdiscError`` where it is not kept."""


class JournalFolder:
    """The journal in ``folder``. Every method may raise ``LbdiscError``.

    ``damaged`` counts the lines that were passed over so far, as a part of them is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged = 0
        self._texts = TextFolder(folder / "texts")

    @property
    def is_empty(self) -> bool:
        with self._said():
            return not segments(self.folder)

    def text(self, digest: str) -> str:
        return self._texts.get(digest)

    def backwards(self, *needles: bytes, before: JournalPlace | None = None) -> Iterator[Found]:
        """Entries that hold any of ``needles``, all if there are none, the last one first."""
        with self._said():
            for part in reversed(segments(self.folder)):
                if before is not None and part.first > before.file:
                    continue
                end = before.byte if before is not None and part.first == before.file else None
                yield from self._back_in(part, needles, end)

    def _back_in(
        self, part: Segment, needles: tuple[bytes, ...], end: int | None
    ) -> Iterator[Found]:
        try:
            file = own_files.opened(part.path, os.O_RDONLY)
        except FileNotFoundError:
            return  # it was the oldest a moment ago
        try:
            size = os.fstat(file).st_size if end is None else end
            for at, line in lines_backwards(file, size, needles):
                if (entry := self._opened(line)) is not None:
                    yield JournalPlace(part.first, at), entry
        finally:
            os.close(file)

    def forwards(self) -> Iterator[Entry]:
        return (entry for _, entry in self.from_place(JournalPlace(0, 0)))

    def from_place(self, place: JournalPlace) -> Iterator[Found]:
        """Entries from ``place`` on to the end, each with the place behind it."""
        with self._said():
            for part in segments(self.folder):
                if part.first >= place.file:
                    start = place.byte if part.first == place.file else 0
                    yield from self._on_in(part, start)

    def _on_in(self, part: Segment, start: int) -> Iterator[Found]:
        try:
            descriptor = own_files.opened(part.path, os.O_RDONLY)
        except FileNotFoundError:
            return
        with os.fdopen(descriptor, "rb") as file:
            at = file.seek(start)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # it is being written
                at += len(line)
                if (entry := self._opened(line)) is not None:
                    yield JournalPlace(part.first, at), entry

    def _opened(self, line: bytes) -> Entry | None:
        entry = opened(line)
        if entry is None or not isinstance(entry.get("event"), str):
            self.damaged += 1
            return None
        return entry

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise LbdiscError(
                f"the history in {self.folder} may not be read by this user: it belongs to the"
                " agent's, and may hold secrets"
            ) from error
        except OSError as error:
            raise LbdiscError(f"cannot read the history in {self.folder}: {error}") from error

    def generation(self, number: int) -> Found:
        """The entry of a generation. Raises ``LbdiscError`` that says which are kept."""
        needle = f'"event":"running","generation":{number},'.encode()
        for found in self.backwards(needle):
            return found
        raise LbdiscError(f"generation {number} is not kept{self._which()}")

    def _which(self) -> str:
        needle = b'"event":"running",'
        newest = next(self.backwards(needle), None)
        if newest is None:
            return f": no generation is, in {self.folder}"
        oldest = next(e for e in self.forwards() if e["event"] == "running")
        return f": {oldest['generation']} to {newest[1]['generation']} are, in {self.folder}"

    def endpoints(self, found: Found) -> Snapshot:
        """All that the generation of this entry served. Raises ``LbdiscError`` if not known."""
        changes: list[Entry] = []
        place, entry = found
        behind = self.backwards(b'"event":"running",', b'"event":"history missed"', before=place)
        while "served" not in entry:
            changes.append(entry)
            place, entry = next(behind, (place, {"event": ""}))
            # The first generation of each file names all.
            if entry["event"] != "running" or place.file != found[0].file:
                raise LbdiscError("not all endpoints of this generation are known any more")
        known = Snapshot.of(read_list(self.text(entry["served"])))
        for change in reversed(changes):
            known = changed_by(known, change)
        return known


def changed_by(known: Snapshot, entry: Entry) -> Snapshot:
    """``known`` with what a generation's entry says. Raises ``LbdiscError``."""
    if entry.get("cut"):
        raise LbdiscError("not all endpoints of this generation are known: it changed too many")
    put = [endpoint_of(e) for e in entry.get("came", ())]
    put += [endpoint_of(pair[1]) for pair in entry.get("changed", ())]
    return known.patched(put, [(e["service"], e["name"]) for e in entry.get("went", ())])


def read_list(text: str) -> list[Endpoint]:
    """The endpoints of a text as ``generations.listed`` makes it. Raises ``LbdiscError``."""
    try:
        return [endpoint_of(json.loads(line)) for line in text.splitlines()]
    except (ValueError, TypeError) as error:
        if isinstance(error, EntryError):
            raise
        raise LbdiscError(f"no list of endpoints: {error}") from error
