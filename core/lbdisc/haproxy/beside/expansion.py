"""From the files that a configuration names to those that lie on disk.

A certificate has companions beside it, a folder many files, a list of certificates names more
(configuration manual 3.1 "ssl-load-extra-files", 5.1 "crt" and "crt-list").
"""

import os
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from lbdisc.haproxy.language.named_files import NamedFile, Use
from lbdisc.haproxy.language.words import split

FOLDERS: frozenset[Use] = frozenset(("certificate", "ca-file", "file"))  # may be folders
_COMPANION = re.compile(r"(\.(rsa|dsa|ecdsa))?(\.(key|ocsp|issuer|sctl))?")
_EXTRA = re.compile(r"\.(key|ocsp|issuer|sctl)$")
_OPTIONS = re.compile(r"\[([^\]]*)\]")


@dataclass(slots=True)
class Followed:
    """What is at a path: its ``uses``, and of a certificate's companion the certificate."""

    uses: set[Use] = field(default_factory=set)
    owner: Path | None = None
    in_folder: bool = False


Expansion = dict[Path, Followed]


@dataclass(frozen=True, slots=True)
class Where:
    """What the words of a configuration are relative to: ``origin`` is a folder."""

    origin: Path
    crt_base: str = ""

    def path(self, word: str, base: str = "") -> Path:
        return Path(os.path.normpath(self.origin / base / word))


class _Folders:
    """The names in folders, each listed once."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[str, ...]] = {}

    def names(self, folder: Path) -> tuple[str, ...]:
        if folder not in self._known:
            with suppress(OSError):
                self._known[folder] = tuple(sorted(path.name for path in folder.iterdir()))
        return self._known.get(folder, ())

    def beginning(self, folder: Path, start: str) -> tuple[str, ...]:
        """The names that begin with ``start``."""
        names = self.names(folder)
        return names[bisect_left(names, start) : bisect_left(names, f"{start}\U0010ffff")]

    def visible(self, folder: Path) -> Iterator[Path]:
        return (folder / name for name in self.names(folder) if not name.startswith("."))


def expand(
    named: Iterable[NamedFile], where: Where, texts: Mapping[Path, str] | None = None
) -> Expansion:
    """Every file that belongs to ``named``; one that is named alone also where it is not there.

    ``texts`` are those of files that may not be on disk yet.
    """
    found: Expansion = {}
    folders = _Folders()
    todo = list(named)
    seen = set(todo)
    while todo:
        its = todo.pop(0)
        path = where.path(its.word, its.base)
        if its.use == "lua path":
            _add_modules(found, path)
        elif its.use in FOLDERS and _is_folder(path):
            _add_folder(found, folders, its.use, path)
        else:
            _add(found, path, its.use)
            if its.use == "certificate":
                _add_companions(found, folders, path)
            elif its.use == "crt-list":
                more = [
                    entry
                    for entry in _listed(path, where.crt_base, texts or {})
                    if entry not in seen
                ]
                seen.update(more)
                todo += more
    return found


def _add(
    found: Expansion, path: Path, use: Use, owner: Path | None = None, *, folder: bool = False
) -> None:
    its = found.setdefault(path, Followed())
    its.uses.add(use)
    its.owner = its.owner or owner
    its.in_folder = its.in_folder or folder


def _add_folder(found: Expansion, folders: _Folders, use: Use, folder: Path) -> None:
    """Of a folder of certificates all that are no companions are read as such."""
    paths = [path for path in folders.visible(folder) if _is_file(path)]
    names = {path.name for path in paths}
    for path in paths:
        stem = _EXTRA.sub("", path.name)
        owner = next((n for n in (stem, f"{stem}.crt") if n != path.name and n in names), None)
        _add(found, path, use, folder / owner if owner else None, folder=True)


def _add_companions(found: Expansion, folders: _Folders, path: Path) -> None:
    stem = path.name.removesuffix(".crt")
    for start in dict.fromkeys((path.name, stem)):
        for name in folders.beginning(path.parent, f"{start}."):
            bundled = _COMPANION.fullmatch(name[len(start) :])
            if bundled and name != path.name:
                # Each part of a bundle (site.pem.rsa) is a certificate of its own.
                part = path.with_name(path.name + (bundled[1] or ""))
                _add(found, path.with_name(name), "certificate", part if bundled[3] else None)


def _add_modules(found: Expansion, pattern: Path) -> None:
    parts = str(pattern).split("?")
    if len(parts) == 2:
        folder = Path(parts[0])
        for path in sorted(folder.glob(f"*{parts[1]}")) if _is_folder(folder) else ():
            _add(found, path, "file")


def _listed(path: Path, crt_base: str, texts: Mapping[Path, str]) -> Iterator[NamedFile]:
    """What a list of certificates names: certificates, and files among their options."""
    text = texts.get(path)
    if text is None:
        try:
            text = path.read_bytes().decode(errors="replace")
        except OSError:
            return
    for line in text.split("\n"):
        words, _ = split(line)
        if not words or words[0].startswith(("#", "@")):
            continue
        yield NamedFile("certificate", words[0].partition("[")[0], crt_base)
        for options in _OPTIONS.findall(line):
            its = options.split()
            for keyword, word in pairwise(its):
                if keyword in ("ca-file", "crl-file", "ca-verify-file"):
                    yield NamedFile("file", word)


def _is_folder(path: Path) -> bool:
    with suppress(OSError):  # a name that is too long, say
        return path.is_dir()
    return False


def _is_file(path: Path) -> bool:
    with suppress(OSError):
        return path.is_file()
    return False
