"""The files of a journal: ``NUMBER.ndjson``, named by the first sequence number in each.

Beside each that is full, ``NUMBER.texts`` names the digests of the texts in it, one a line.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lbdisc import own_files
from lbdisc_history.lines import opened

BLOCK = 1 << 20  # bytes that are read at a time
_NAME = re.compile(r"(\d{12,})\.ndjson")
_DIGEST = re.compile(rb'"([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A file of a journal whose first entry has the sequence number ``first``."""

    first: int
    path: Path

    @property
    def texts_file(self) -> Path:
        return self.path.with_suffix(".texts")


def segment(folder: Path, first: int) -> Segment:
    return Segment(first, folder / f"{first:012}.ndjson")


def segments(folder: Path) -> list[Segment]:
    """Those in ``folder``, in their order; none where there is no folder. Raises ``OSError``."""
    try:
        paths = list(folder.iterdir())
    except FileNotFoundError:
        return []
    found = ((match, path) for path in paths if (match := _NAME.fullmatch(path.name)))
    return sorted(Segment(int(match[1]), path) for match, path in found)


def named_texts(part: Segment) -> set[str]:
    """The digests that its entries name. Raises ``OSError``."""
    try:
        return set(own_files.text_of(part.texts_file).split())
    except (FileNotFoundError, UnicodeDecodeError):
        return digests_in(part.path)


def digests_in(path: Path) -> set[str]:
    """The same, read from the entries themselves. Raises ``OSError``."""
    found: set[str] = set()
    with os.fdopen(own_files.opened(path, os.O_RDONLY), "rb") as file:
        for line in file:
            if b'"running"' in line:
                found.update(match.decode() for match in _DIGEST.findall(line))
    return found


def good_part(path: Path) -> tuple[int, int]:
    """The bytes up to the end of the last whole line, and its number. Raises ``OSError``."""
    with os.fdopen(own_files.opened(path, os.O_RDONLY), "rb") as file:
        size = file.seek(0, os.SEEK_END)
        for at, line in lines_backwards(file.fileno(), size):
            if (entry := opened(line)) is not None:
                return at + len(line), int(entry.get("seq", 0))
    return 0, 0


def lines_backwards(
    descriptor: int, end: int, needles: tuple[bytes, ...] = ()
) -> Iterator[tuple[int, bytes]]:
    """Each line that has its end, the last first, and where it begins.

    With ``needles`` only those that hold one of them; what holds none is hardly looked at.
    """
    tail, is_last = b"", True
    while end > 0:
        start = max(0, end - BLOCK)
        block = os.pread(descriptor, end - start, start) + tail
        if is_last:
            block = block[: block.rfind(b"\n") + 1]
            is_last = not block
        cut = block.find(b"\n") + 1 if start else 0
        if start and (cut == 0 or cut == len(block)):
            tail, end = block, start
            continue
        tail, end = block[:cut], start
        if not needles or any(needle in block for needle in needles):
            yield from _lines(block[cut:], start + cut, needles)


def _lines(block: bytes, start: int, needles: tuple[bytes, ...]) -> Iterator[tuple[int, bytes]]:
    stop = len(block)
    while stop > 0:
        begin = block.rfind(b"\n", 0, stop - 1) + 1
        line = block[begin:stop]
        if not needles or any(needle in line for needle in needles):
            yield start + begin, line
        stop = begin
