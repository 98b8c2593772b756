"""A folder in which a configuration can be checked before any of its files is installed."""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lbdisc.rendered import Rendered, parents


def mirror(folder: Path, config: Path, rendered: Rendered, *, gone: Iterable[str] = ()) -> Path:
    """Make ``folder`` look as the folder of ``config`` will; the main file in it.

    It holds the files of ``rendered``, which mention each other at their place in the mirror, and
    links to whatever else is there, but for ``gone``. Raises ``OSError``.
    """
    ours = {config.name, *rendered.names, *gone}
    levels = sorted({"", *(parent for name in ours for parent in parents(name))})
    for level in levels:
        (folder / level).mkdir(parents=True)
        _link(config.parent / level, folder / level, without={*ours, *levels}, level=level)
    moved = _Moved(config.parent, folder, sorted({*rendered.names, *gone, *levels} - {""}))
    for name, text in ((config.name, rendered.text), *rendered.files):
        (folder / name).write_text(moved(text), encoding="utf-8")
    return folder / config.name


def as_installed(said: str, staged: Path, target: Path) -> str:
    """What was said of ``staged`` and its mirror, as if of ``target`` and the files beside it."""
    said = said.replace(str(staged), str(target))
    return said.replace(f"{staged.parent}/", f"{target.parent}/")


def _link(there: Path, here: Path, *, without: set[str], level: str) -> None:
    with suppress(FileNotFoundError, PermissionError):  # what cannot be seen cannot be linked
        for entry in os.scandir(there):
            name = f"{level}/{entry.name}" if level else entry.name
            if name not in without and not entry.name.startswith("."):
                (here / entry.name).symlink_to(entry.path)


class _Moved:
    """Texts in which the paths of ``names`` in one folder, and the folder's own, are another's."""

    def __init__(self, there: Path, here: Path, names: list[str]) -> None:
        self._here = str(here)
        own = re.escape(str(there))
        # The longest first. A path ends where no further character of a name follows.
        inside = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        path = rf"/(?:{inside})(?![\w.+@-])" if inside else r"(?!)"
        self._path = re.compile(rf"(?<![\w./-]){own}(?={path}|(?!/?[\w.+@-]))")

    def __call__(self, text: str) -> str:
        return self._path.sub(lambda _: self._here, text)
