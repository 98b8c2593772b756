"""What a renderer makes of a snapshot: the main text, and further files beside it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from lbdisc.errors import RenderError, shown

FileChange = Literal["new", "changed", "gone"]
# No part begins with a dot: what lbdisc itself keeps beside its files does.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+@-]*(/[A-Za-z0-9_][A-Za-z0-9._+@-]*)*")
MAX_NAME = 200  # bytes, so that a temporary name for it fits a file system


@dataclass(frozen=True, slots=True)
class Rendered:
    """One configuration: ``text`` for the main file, ``files`` for those that belong to it.

    ``files`` are sorted pairs of name and text; a mapping may be given. A name is relative to the
    main file's folder, with ``/`` between its parts; the main text and the other files mention it
    by its absolute path, or relative to their folder where the load balancer understands that.
    Raises ``RenderError`` for a name that leaves the folder and for two files of one name.
    """

    text: str
    files: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", _checked(self.files))

    @property
    def digest(self) -> str:
        """64 hexadecimal digits that stand for the text and all further files."""
        # What others wrote may be no UTF-8 (``lbdisc.atomic.encoded``).
        found = sha256(self.text.encode(errors="surrogateescape"))
        for name, text in self.files:
            more = f"\0{name}\0{len(text)}\0{text}"
            found.update(more.encode(errors="surrogateescape"))
        return found.hexdigest()

    @property
    def names(self) -> frozenset[str]:
        """The names of the further files."""
        return frozenset(name for name, _ in self.files)

    def file_changes(self, before: "Rendered") -> tuple[tuple[str, FileChange], ...]:
        """What became of the further files since ``before``: name and change, sorted."""
        old, new = dict(before.files), dict(self.files)
        found: list[tuple[str, FileChange]] = []
        for name in sorted({*old, *new}):
            if name not in old or name not in new:
                found.append((name, "new" if name in new else "gone"))
            elif old[name] != new[name]:
                found.append((name, "changed"))
        return tuple(found)

    def changed_file(self, before: "Rendered") -> str:
        """The same in one line, as ``file hosts.map: changed``; ``""`` if nothing did."""
        found = self.file_changes(before)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return f"file {found[0][0]}: {found[0][1]}{more}" if found else ""


def check_file_name(name: object) -> str:
    """``name`` if it may name a further file. Raises ``RenderError``."""
    if isinstance(name, str) and _NAME.fullmatch(name) and len(name) <= MAX_NAME:
        return name
    raise RenderError(
        f"bad file name {shown(name)}: a path inside the output's folder, of A-Z a-z 0-9 . _ + @ -,"
        " no part of which begins with a dot"
    )


def _checked(files: Any) -> tuple[tuple[str, str], ...]:
    pairs: Iterable[tuple[str, str]] = files.items() if isinstance(files, Mapping) else files
    found: dict[str, str] = {}
    for name, text in pairs:
        if check_file_name(name) in found:
            raise RenderError(f"two files are named {shown(name)}")
        found[name] = text
    for name in found:
        for folder in parents(name):
            if folder in found:
                raise RenderError(f"{shown(folder)} is to be a file and the folder of {name}")
    return tuple(sorted(found.items()))


def parents(name: str) -> list[str]:
    """The folders on the way to ``name``: ``a`` and ``a/b`` for ``a/b/c``."""
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
