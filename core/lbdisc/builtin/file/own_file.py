"""One registrar's file among those of others: whose it is, by what the file system says."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from lbdisc import atomic
from lbdisc.own_files import opened
from lbdisc.trust import user_name

FILE_MODE = 0o644


def foreign(path: Path) -> str:
    """Why the file at ``path`` is not for us to write over, ``""`` if it may be, or is missing.

    Raises ``OSError``.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return ""
    if stat.S_ISLNK(found.st_mode):
        return "a link: remove it"
    if not stat.S_ISREG(found.st_mode):
        return "no regular file: remove it"
    if found.st_uid not in (os.geteuid(), _writes_as(path.parent)):
        return f"it belongs to user {user_name(found.st_uid).removeprefix('uid ')}"
    return ""


def _writes_as(folder: Path) -> int:
    """Whom a file belongs to that we make there: a network's file system may give it to others."""
    with atomic.staged(folder / "whose", "") as path:
        return path.lstat().st_uid


def renew(path: Path) -> None:
    """Touch the file. Raises ``OSError``, also for a link."""
    descriptor = opened(path, os.O_RDONLY)
    try:
        os.utime(descriptor)
    finally:
        os.close(descriptor)


def make_service_folder(folder: Path) -> None:
    """The first registrar of a service makes its folder, for itself. Raises ``OSError``."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        folder.chmod(0o755)
