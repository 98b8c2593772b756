"""Who else may write what lbdisc goes by: judged as ssh (StrictModes) and git (safe.directory) do.

What decides where traffic goes, or what is run, has to be this user's or root's, and nobody else's
to write; so has every folder on the way, as who may write there can put another in its place. Of a
folder with the sticky bit, as /tmp, that holds for what this user has in it.
"""

import errno
import grp
import os
import pwd
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from lbdisc.errors import SettingsError

_LINKS = 40  # as many as the kernel follows (path_resolution(7))
ALL = "*"


def refuse_untrusted(path: Path, what: str, *, trusted: Sequence[str] = ()) -> None:
    """Raises ``SettingsError`` for the file or folder at ``path``, named ``what``, if others may
    write it or replace it. What is missing is nobody's, and what lies in ``trusted`` is not asked.
    """
    path = path.absolute()
    if found := flaw_of(path, trusted=trusted):
        where, why, remedy = found
        place = f"{what} {path}" + ("" if where == path else f": {where}")
        raise SettingsError(f"{place} {why}: {remedy}, or name the folder in the setting trusted")


def flaw_of(path: Path, *, trusted: Sequence[str] = ()) -> tuple[Path, str, str] | None:
    """Where it is wrong, what, and what would be right; ``None`` if only we and root may write."""
    if is_below(path, trusted):
        return None
    try:
        steps = list(_trail(path))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP):
            return None  # who reads it will tell
        raise
    for number, (where, found) in enumerate(steps):
        last = number == len(steps) - 1
        if (flaw := _flaw(found, last=last)) and not _is_read_only(where):
            return where, *_said(where, found, flaw)
    return None


def is_below(path: Path, folders: Sequence[str]) -> bool:
    """Whether ``path`` is in one of ``folders``, or is one."""
    place = Path(os.path.normpath(path.absolute()))
    return ALL in folders or any(place.is_relative_to(folder) for folder in folders)


def _trail(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every folder and link from the root to what ``path`` leads to, as the kernel goes."""
    here, links = Path("/"), 0
    left = [*reversed(path.absolute().parts[1:])]
    yield here, here.lstat()
    while left:
        name = left.pop()
        step = here.parent if name == ".." else here / name
        found = step.lstat()
        yield step, found
        if not stat.S_ISLNK(found.st_mode):
            here = step
        elif step.is_relative_to("/proc"):  # no path is in such links: /dev/fd/63
            return
        else:
            links += 1
            if links > _LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            target = step.readlink()
            if target.is_absolute():
                here = Path("/")
            left.extend(reversed([part for part in target.parts if part != "/"]))


def _flaw(found: os.stat_result, *, last: bool) -> str:
    """``owner``, ``all``, ``group``, or nothing."""
    if not _is_trusted(found.st_uid):
        return "owner"
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return ""  # a link has no mode, and in /dev/null stays nothing
    if found.st_mode & stat.S_ISVTX and not last:
        return ""  # what others have in it is found at the next step
    if found.st_mode & stat.S_IWOTH:
        return "all"
    return "group" if found.st_mode & stat.S_IWGRP and _strangers(found.st_gid) else ""


def _is_trusted(uid: int) -> bool:
    if uid in (0, os.geteuid()):
        return True
    # Who used sudo has what root has, as for git.
    return (os.geteuid() == 0 and str(uid) == os.environ.get("SUDO_UID")) or _is_outside(uid)


def _is_outside(uid: int) -> bool:
    """Whether this stands for all users outside of our user namespace, such as its host's root."""
    with suppress(OSError, ValueError):
        if uid == int(Path("/proc/sys/kernel/overflowuid").read_text()):
            return Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]
    return False


def _strangers(gid: int) -> set[str]:
    """Who is known to be in the group, but for us and root; a user's own group has nobody else."""
    if gid == 0:
        return set()
    members = {entry.pw_name for entry in pwd.getpwall() if entry.pw_gid == gid}
    with suppress(KeyError):
        members |= set(grp.getgrgid(gid).gr_mem)
    return {name for name in members if not _is_known(name)}


def _is_known(name: str) -> bool:
    try:
        return _is_trusted(pwd.getpwnam(name).pw_uid)
    except KeyError:
        return True  # nobody can be that


def _is_read_only(path: Path) -> bool:
    """Whether nobody may write there, whatever the modes: a ConfigMap, a store of packages."""
    with suppress(OSError):
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    return False


def user_name(uid: int) -> str:
    """The name of a user, its number where it has none."""
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return f"uid {uid}"


def group_name(gid: int) -> str:
    """The name of a group, its number where it has none."""
    with suppress(KeyError):
        return grp.getgrgid(gid).gr_name
    return f"gid {gid}"


def _said(where: Path, found: os.stat_result, flaw: str) -> tuple[str, str]:
    own = user_name(os.geteuid())
    if flaw == "owner":
        neither = "not to root" if own == "root" else f"neither to root nor to {own}"
        return (
            f"belongs to {user_name(found.st_uid)}, {neither}",
            f"chown -h {own.removeprefix('uid ')} {where}",
        )
    mode = f"mode {stat.S_IMODE(found.st_mode):o}"
    if flaw == "all":
        return f"may be written by all ({mode})", f"chmod go-w {where}"
    group = group_name(found.st_gid)
    return f"may be written by the group {group} ({mode})", f"chmod g-w {where}"
