"""Writing files so that a reader, or a crash at any moment, never meets half of one."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def staged(target: Path, text: str, *, mode: int | None = None) -> Iterator[Path]:
    """``stage``, and gone at the end."""
    path = stage(target, text, mode=mode)
    try:
        yield path
    finally:
        discard(path)


def stage(target: Path, text: str, *, mode: int | None = None, folder: Path | None = None) -> Path:
    """A temporary file beside ``target`` that holds ``text``, on disk; ``discard`` it at the end.

    The name starts with a dot, which readers of node folders pass over. ``mode`` defaults to that
    of ``target``, or 0644 for a new file; it is in ``folder`` if one of the same file system is
    given. Raises ``OSError``.
    """
    descriptor, name = tempfile.mkstemp(
        prefix=f".{target.name}.", suffix=".tmp", dir=folder or target.parent
    )
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(encoded(text))
            file.flush()
            os.fchmod(file.fileno(), mode if mode is not None else _mode_of(target))
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


def _mode_of(target: Path) -> int:
    with suppress(FileNotFoundError):
        mode = target.lstat().st_mode
        if not stat.S_ISLNK(mode):  # it is replaced, not what it leads to
            return mode & 0o777
    return 0o644


def install(path: Path, target: Path) -> None:
    """Rename ``path`` to ``target`` and make the rename last. Raises ``OSError``."""
    path.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write(target: Path, text: str, *, mode: int | None = None) -> None:
    """Replace ``target`` by ``text`` in one step. Raises ``OSError``."""
    with staged(target, text, mode=mode) as path:
        install(path, target)
