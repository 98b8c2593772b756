"""A copy of a file that somebody else wrote, before lbdisc writes there: never over another one."""

import os
import shutil
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path

from lbdisc import atomic
from lbdisc.errors import ApplyError

SUFFIX = "before-lbdisc"


def keep_copy(path: Path) -> tuple[Path, bool]:
    """Where a copy of ``path`` is beside it, and whether it is new.

    It is ``NAME.before-lbdisc``, or where that holds something else ``NAME.before-lbdisc.1`` and
    on; mode, times and, as far as this user may, owner are those of ``path``.

    Raises ``ApplyError``.
    """
    try:
        return _kept(path)
    except OSError as error:
        what = f"{error.strerror or error}"
        raise ApplyError(
            f"{path} was not written by lbdisc, and no copy of it can be kept beside it: {what}"
        ) from error


def _kept(path: Path) -> tuple[Path, bool]:
    content = path.read_bytes()
    for number in count():
        target = path.with_name(f"{path.name}.{SUFFIX}{f'.{number}' if number else ''}")
        if _holds(target, content):
            return target, False
        if not (target.exists() or target.is_symlink()):
            with suppress(FileExistsError):
                _copy(path, content, target)
                return target, True
    raise AssertionError  # the numbers do not end


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _copy(path: Path, content: bytes, target: Path) -> None:
    """Raises ``FileExistsError`` where ``target`` has come into being meanwhile."""
    staged = atomic.stage(target, content.decode(errors="surrogateescape"), mode=0o600)
    try:
        found = path.stat()
        with suppress(OSError):  # only root gives files away
            os.chown(staged, found.st_uid, found.st_gid)
        shutil.copystat(path, staged)
        staged.chmod(stat.S_IMODE(found.st_mode))
        os.link(staged, target)  # unlike a rename, never over a file
    finally:
        atomic.discard(staged)
