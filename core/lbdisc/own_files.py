"""Files of lbdisc's own: no link is followed to them, and no umask changes who may use them.

Whoever may write beside such a file could put a link in its place, to have another file read or
written over; a reader that is root would do so with any file of the machine.
"""

import errno
import os
import stat
from pathlib import Path

READABLE = 0o640  # for who watches, as a member of the file's group
FOLDER = 0o750
_ALWAYS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a fifo in its place blocks nobody


def opened(path: Path, flags: int, mode: int = READABLE) -> int:
    """A descriptor of the regular file at ``path``; one that this makes has ``mode``.

    Raises ``OSError``, also for a link and for anything else that is no file.
    """
    try:
        descriptor = os.open(path, flags | _ALWAYS, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP and path.is_symlink():
            raise OSError(errno.ELOOP, "it is a link, and none is followed", str(path)) from error
        raise
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        if flags & os.O_CREAT and not found.st_size and found.st_uid == os.geteuid():
            os.fchmod(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read(path: Path) -> bytes:
    """What the file holds. Raises ``OSError`` as ``opened``."""
    with os.fdopen(opened(path, os.O_RDONLY), "rb") as file:
        return file.read()


def text_of(path: Path) -> str:
    """What the file holds, as text. Raises ``OSError``, ``UnicodeDecodeError``."""
    return read(path).decode()


def append(path: Path, text: str, mode: int = READABLE) -> None:
    """Add ``text`` to the file, which need not be there. Raises ``OSError`` as ``opened``."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with os.fdopen(opened(path, flags, mode), "wb") as file:
        file.write(text.encode())


def write_anew(path: Path, text: str, mode: int = READABLE) -> None:
    """Make the file, which must not be there. Raises ``OSError``."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(opened(path, flags, mode), "wb") as file:
        file.write(text.encode())


def give_to_owner_of(folder: Path, file: Path) -> None:
    """Let ``file`` in ``folder`` belong to who has the folder, where root has made it.

    Raises ``OSError``.
    """
    if os.geteuid() != 0:
        return
    owner = folder.stat()
    descriptor = opened(file, os.O_RDONLY)
    try:
        if os.fstat(descriptor).st_nlink == 1:  # of another name it may be another's
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, mode: int = FOLDER) -> None:
    """Make ``folder`` with ``mode``, and those above it such that only this user writes there.

    One that is there stays as it is. Raises ``OSError``.
    """
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        wanted = mode if path == missing[0] else 0o755
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            if not path.is_dir():
                raise
        else:
            path.chmod(wanted)
