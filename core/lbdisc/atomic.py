"""Writing files so that a reader, or a crash at any moment, never meets half of one."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def staged(target: Path, text: str, *, mode: int | None = None, new: int = 0o644) -> Iterator[Path]:
    """``stage``, and gone at the end."""
    path = stage(target, text, mode=mode, new=new)
    try:
        yield path
    finally:
        discard(path)


def stage(
    target: Path,
    text: str,
    *,
    mode: int | None = None,
    new: int = 0o644,
    folder: Path | None = None,
) -> Path:
    """A temporary file beside ``target`` that holds ``text``, on disk; ``discard`` it at the end.

    The name starts with a dot, which readers of node folders pass over. Without a
    ``mode`` it has that of ``target``, and its group if this user may give it away; ``new`` is the
    mode of a new file. It is in ``folder`` if one of the same file system is given.
    Raises ``OSError``.
    """
    descriptor, name = tempfile.mkstemp(
        prefix=f".{target.name}.", suffix=".tmp", dir=folder or target.parent
    )
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(encoded(text))
            file.flush()
            _make_like(file.fileno(), target, mode, new)
            os.fsync(file.fileno())
    except BaseException:
        discard(path)
        raise
    return path


def discard(path: Path) -> None:
    """Remove a staged file; one that was installed is gone already."""
    with suppress(FileNotFoundError):
        path.unlink()


def stage_folder(target: Path) -> Path:
    """An empty temporary folder beside ``target``, only for this user. Raises ``OSError``."""
    prefix = f".{target.name}."
    return Path(tempfile.mkdtemp(prefix=prefix, suffix=".tmp", dir=target.parent))


def held(path: Path) -> str | None:
    """What the file holds, ``None`` while there is none. Raises ``OSError``.

    ``encoded`` gives back its very bytes, also those that are no UTF-8 or end lines in another way.
    """
    try:
        return path.read_bytes().decode(errors="surrogateescape")
    except FileNotFoundError:
        return None


def encoded(text: str) -> bytes:
    """The bytes of ``text`` in a file."""
    return text.encode(errors="surrogateescape")


def clean_up(target: Path) -> None:
    """Remove what a killed process staged beside ``target``; only for its one writer."""
    for leftover in target.parent.glob(f".{target.name}.*.tmp"):
        with suppress(OSError):
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()


def _make_like(descriptor: int, target: Path, mode: int | None, new: int) -> None:
    """Let those read it, by their group, who may read ``target``."""
    found = None
    with suppress(FileNotFoundError):
        found = target.lstat()
    if found is None or stat.S_ISLNK(found.st_mode):  # it is replaced, not what it leads to
        os.fchmod(descriptor, new if mode is None else mode)
        return
    if mode is None:
        with suppress(PermissionError):
            os.fchown(descriptor, -1, found.st_gid)
    os.fchmod(descriptor, found.st_mode & 0o777 if mode is None else mode)


def install(path: Path, target: Path) -> None:
    """Rename ``path`` to ``target`` and make the rename last. Raises ``OSError``."""
    path.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write(target: Path, text: str, *, mode: int | None = None, new: int = 0o644) -> None:
    """Replace ``target`` by ``text`` in one step, as ``stage``. Raises ``OSError``."""
    with staged(target, text, mode=mode, new=new) as path:
        install(path, target)
