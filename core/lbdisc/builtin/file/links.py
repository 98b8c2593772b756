"""Links in a node folder: followed only where they stay in it, as those of a ConfigMap do.

Kubernetes mounts ``NAME.json`` as a link to ``..data/NAME.json``, and ``..data`` as one to a folder
beside it. Any other link could show what its maker may not read, or one folder under two names.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from lbdisc.errors import EntryError

DATA = "..data"  # the link to all the files' content that Kubernetes replaces in a ConfigMap
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # a fifo in a file's place must not block


def opened_within(path: Path, root: Path) -> int:
    """A descriptor of the regular file at ``path``, or of what it links to within ``root``.

    Raises ``EntryError`` for what is no such file, ``OSError`` for one that cannot be read.
    """
    try:
        descriptor = os.open(path, _FLAGS | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        descriptor = _followed(path, root)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise EntryError("no regular file")


def _followed(path: Path, root: Path) -> int:
    """Looks first and opens then what it has looked at: to open a device may do something."""
    found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        here = Path(f"/proc/self/fd/{found}")
        if not here.readlink().is_relative_to(root.resolve()):
            raise EntryError("a link that leads out of the folder: put the file itself there")
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise EntryError("no regular file")
        return os.open(here, _FLAGS)
    finally:
        os.close(found)


def is_folder(path: Path) -> bool:
    """Whether ``path`` is, or leads to, a folder; what may not be looked at is none."""
    with suppress(OSError):
        return path.is_dir()
    return False


def is_file(path: Path) -> bool:
    """Whether something is at ``path`` that is no folder, be it a link that leads nowhere."""
    with suppress(OSError):
        return not stat.S_ISDIR(path.lstat().st_mode) and not is_folder(path)
    return False


def is_alias(path: Path, root: Path) -> bool:
    """Whether ``path`` is a link to a folder that is no part of a mounted ConfigMap."""
    with suppress(OSError):
        if not (path.is_symlink() and path.is_dir()):
            return False
        inside = path.resolve().is_relative_to(root.resolve())
        return not (inside and path.readlink().parts[:1] == (DATA,))
    return False
