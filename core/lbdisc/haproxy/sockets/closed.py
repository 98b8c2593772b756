"""Why a socket cannot be opened, in words that say what to do about it."""

import errno
import grp
import pwd
import stat
from contextlib import suppress
from os import getegid, geteuid
from pathlib import Path

from lbdisc.errors import shown


def may_not_open(error: OSError) -> bool:
    """Whether somebody serves there, or may, and this user is not let in."""
    return error.errno in (errno.EACCES, errno.EPERM)


def is_there(path: str) -> bool:
    """Whether there is a socket at ``path``, or may be: in a folder that is closed nobody knows."""
    try:
        return Path(path).is_socket()
    except PermissionError:
        return True


def why_closed(path: str, error: OSError) -> str:
    """What ``error``, met when connecting to the Unix socket ``path``, means."""
    if may_not_open(error):
        return _forbidden(path)
    folder = Path(path).parent
    if error.errno == errno.ENOENT and not folder.exists():
        return f"there is no folder {folder} for the socket {path}"
    if error.errno == errno.ENOENT:
        return f"there is no socket {path}"
    if error.errno == errno.ECONNREFUSED and not Path(path).is_socket():
        return f"{path} is no socket"
    if error.errno == errno.ECONNREFUSED:
        return f"nothing listens at the socket {path}: its HAProxy is gone, or starts just now"
    if isinstance(error, BlockingIOError | TimeoutError):
        return f"the socket {path} is served by a process that does not take connections"
    return f"the socket {shown(path)}: {error.strerror or error}"


def _forbidden(path: str) -> str:
    place = _in_the_way(Path(path))
    if place is None:
        return f"user {_user(geteuid())} may not open the socket {path}"
    found = place.stat()
    whose = f"owner {_user(found.st_uid)}, group {_group(found.st_gid)}"
    what = f"{'the folder ' if place.is_dir() else ''}{place}"
    mode = stat.S_IMODE(found.st_mode)
    return (
        f"user {_user(geteuid())} may not open the socket {path}: {what} has {whose}, mode {mode:o}"
    )


def _in_the_way(path: Path) -> Path | None:
    """The first on the way to ``path`` that cannot be looked behind, or ``path`` itself."""
    known = None
    for place in (*reversed(path.absolute().parents), path):
        try:
            place.stat()
        except PermissionError:
            return known
        except OSError:
            return None
        known = place
    return known


def own_group() -> str:
    """The name of this user's own group, for who is to be let in."""
    return _group(getegid())


def _user(number: int) -> str:
    with suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return str(number)


def _group(number: int) -> str:
    with suppress(KeyError):
        return grp.getgrgid(number).gr_name
    return str(number)
