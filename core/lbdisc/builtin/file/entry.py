"""One file of a node folder: what it says, and until when.

Two forms are read. ``NAME.json`` holds a JSON record (``lbdisc.records``), with the members ``ttl``
(seconds that the file is good for after it was touched) and ``owner`` (who writes it). ``NAME``
holds the one line ``NAME ADDRESS [PORT]`` that start scripts like to write.
"""

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lbdisc import records
from lbdisc.builtin.file.links import opened_within
from lbdisc.errors import EntryError, shown
from lbdisc.values import Endpoint

SUFFIX = ".json"
MAX_TTL = 86400.0
# vim tries with "4913" whether it may write; ext4 has the one folder, Python makes the other.
_NO_NODES = ("4913", "lost+found", "__pycache__")
_LEFT_BEHIND = re.compile(
    r"\.(bak|orig|rej|save|old|sw[a-p]|te?mp|part|partial|dpkg-[a-z]+|ucf-[a-z]+|rpm(new|save|orig)"
    r"|pac(new|save|orig))$",
    re.IGNORECASE,
)
Signature = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """What a file says; ``ttl`` is ``None`` for a file that never expires."""

    endpoint: Endpoint
    ttl: float | None = None
    owner: str = ""


def signature(found: os.stat_result) -> Signature:
    """Changes whenever the file's content may have."""
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def name_of(path: Path) -> str:
    return path.name.removesuffix(SUFFIX)


def passed_over(name: str) -> bool:
    """Whether nobody means a node by that name: what is hidden, a backup or a temporary file.

    That is also what editors, package managers and disks put beside the files, and every name in
    which ``.json`` is not the end.
    """
    return (
        name.startswith(".")
        or name.endswith("~")
        or (name.startswith("#") and name.endswith("#"))
        or _LEFT_BEHIND.search(name) is not None
        or (SUFFIX in name and not name.endswith(SUFFIX))
        or name in _NO_NODES
    )


def read(path: Path, *, root: Path, service: str, port: int) -> tuple[FileEntry, os.stat_result]:
    """What ``path`` in the node folder ``root`` says, and its state as it was read.

    Raises ``EntryError`` for anything that is no regular file with a valid endpoint, ``OSError``
    for one that cannot be read. What is wrong is told without a word of the content: it may be a
    file that was never meant to be shown.
    """
    descriptor = opened_within(path, root)
    try:
        found = os.fstat(descriptor)
        content = os.read(descriptor, records.MAX_RECORD + 1)
    finally:
        os.close(descriptor)
    if len(content) > records.MAX_RECORD:
        raise EntryError(f"{found.st_size} bytes: at most {records.MAX_RECORD}")
    return parse(content, path, service=service, port=port), found


def parse(content: bytes, path: Path, *, service: str, port: int) -> FileEntry:
    """What ``content`` says if it stands in ``path``. Raises ``EntryError``."""
    name = name_of(path)
    if not path.name.endswith(SUFFIX):
        if content.lstrip().startswith(b"{"):
            raise EntryError(f"JSON belongs into {shown(name + SUFFIX)}: rename the file")
        return FileEntry(endpoint=_from_line(content, service=service, name=name, port=port))
    record = records.load_object(content)
    return FileEntry(
        endpoint=records.from_object(record, service=service, name=name, port=port),
        ttl=_ttl(record),
        owner=_owner(record),
    )


def _ttl(record: Mapping[str, Any]) -> float | None:
    ttl = record.get("ttl")
    if ttl is None:
        return None
    if isinstance(ttl, int | float) and not isinstance(ttl, bool) and 0 < ttl <= MAX_TTL:
        return float(ttl)
    raise EntryError(f"bad ttl {shown(ttl)}: seconds, more than 0, at most {MAX_TTL:.0f}")


def _owner(record: Mapping[str, Any]) -> str:
    owner = record.get("owner", "")
    if isinstance(owner, str) and len(owner) <= 255:
        return owner
    raise EntryError(f"bad owner {shown(owner)}: a text of up to 255 characters")


def _from_line(content: bytes, *, service: str, name: str, port: int) -> Endpoint:
    try:
        text = content.decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise EntryError(f"byte {error.start} is no ASCII: NAME ADDRESS [PORT] is needed") from None
    words = text.split(" ")
    words = [word for word in words if word]
    if not 2 <= len(words) <= 3 or any(not word.isprintable() for word in words):
        raise EntryError("it is not the one line NAME ADDRESS [PORT]")
    if words[0] != name:
        raise EntryError(f"the line does not begin with the file's name {shown(name)}")
    if len(words) == 3:
        if not (words[2].isdecimal() and len(words[2]) <= 5):
            raise EntryError("bad port in the line: a whole number from 1 to 65535")
        port = int(words[2])
    return Endpoint(service=service, name=name, address=words[1], port=port)


@dataclass(frozen=True, slots=True)
class Touched:
    """When a file was touched last, on the monotonic clock of who looks at it.

    What a writer's clock says is in the file's modification time, and is compared with nothing but
    itself: it moved, or it did not. Only of a file that was never seen before the age is needed: it
    is that of its last change, which the file system dates by a clock of its own.
    """

    at: float
    mtime: int
    inode: int

    @classmethod
    def found(cls, state: os.stat_result, before: "Touched | None" = None) -> Self:
        """As the file is now, and as it was ``before`` if it was seen then."""
        mtime, inode = state.st_mtime_ns, state.st_ino
        now = time.monotonic()
        if before is None:
            age = max(0.0, time.time() - state.st_ctime)
            return cls(now - age, mtime, inode)
        moved = (mtime, inode) != (before.mtime, before.inode)
        return cls(now if moved else before.at, mtime, inode)

    def ends(self, ttl: float | None) -> float:
        """When the lease ends, on the monotonic clock; infinite without a ``ttl``."""
        return float("inf") if ttl is None else self.at + ttl
