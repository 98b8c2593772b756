"""A history as one file: its entries as they are, each text before the first that names it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from lbdisc import own_files
from lbdisc.errors import LbdiscError
from lbdisc_history.lines import Entry, opened, sealed
from lbdisc_history.reading import JournalFolder, JournalPlace, Kept

MARK = "history"


def export(journal: JournalFolder, file: Path, *, since: float | None = None) -> int:
    """Write all of it, or what is needed since that unix time; how many entries. For this user
    alone: it holds secrets. Raises ``LbdiscError``, also where the file is there already.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(own_files.opened(file, flags, 0o600), "wb") as out:
            count = 0
            for line, is_entry in _lines(journal, _begin(journal, since)):
                out.write(line)
                count += is_entry
            return count
    except FileExistsError:
        raise LbdiscError(f"{file} is there already: give another name") from None
    except OSError as error:
        raise LbdiscError(f"cannot write {file}: {error.strerror or error}") from error


def _begin(journal: JournalFolder, since: float | None) -> JournalPlace:
    """The last generation before that names all that it serves."""
    if since is not None:
        for place, entry in journal.backwards(b'"served":"'):
            if float(entry["unix_s"]) <= since:
                return place
    return JournalPlace(0, 0)


def _lines(journal: JournalFolder, begin: JournalPlace) -> Iterator[tuple[bytes, bool]]:
    yield sealed({"schema": 1, MARK: "lbdisc", "exported_s": round(time.time(), 3)}), False
    told: set[str] = set()
    for _, entry in journal.from_place(begin):
        for digest in named(entry) - told:
            told.add(digest)
            try:
                yield sealed({"text_of": digest, "text": journal.text(digest)}), False
            except LbdiscError:
                continue  # it went with the oldest entries while this was written
        yield sealed(entry), True


def named(entry: Entry) -> set[str]:
    """The digests that ``entry`` names."""
    texts = entry.get("texts")
    digests = {*texts.values()} if isinstance(texts, dict) else set()
    return {digest for digest in (*digests, entry.get("served")) if digest}


class ExportedHistory:
    """What ``export`` has written. Raises ``LbdiscError`` for any other file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._texts: dict[str, int] = {}  # where the line of each begins
        first = next(self._read(), None)
        if first is None or MARK not in first[1]:
            raise LbdiscError(
                f"{file} is no history: give what lbdisc history --export wrote, or a journal's"
                " folder"
            )

    def forwards(self) -> Iterator[Entry]:
        for at, entry in self._read():
            if "text_of" in entry:
                self._texts[entry["text_of"]] = at
            elif isinstance(entry.get("event"), str):
                yield entry

    def text(self, digest: str) -> str:
        """That of an entry that was read."""
        if digest not in self._texts:
            raise LbdiscError(f"the text {digest[:12]} is not in {self._file}")
        with self._file.open("rb") as file:
            file.seek(self._texts[digest])
            found = opened(file.readline()) or {}
        return str(found.get("text", ""))

    def _read(self) -> Iterator[tuple[int, Entry]]:
        try:
            with self._file.open("rb") as file:
                at = 0
                for line in file:
                    if (entry := opened(line)) is not None:
                        yield at, entry
                    at += len(line)
        except OSError as error:
            raise LbdiscError(f"cannot read {self._file}: {error.strerror or error}") from error


def recorded(path: Path) -> Kept:
    """The journal's folder, or the exported file, at ``path``. Raises ``LbdiscError``."""
    if not path.is_dir():
        return ExportedHistory(path)
    journal = JournalFolder(path)
    if journal.is_empty:
        raise LbdiscError(f"there is no history in {path}")
    return journal
