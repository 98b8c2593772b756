"""Who may read a state folder: its owner and its group, whatever made it."""

import fnmatch
import os
import stat
from contextlib import suppress
from pathlib import Path

from lbdisc.errors import ApplyError
from lbdisc.installing import TAKEN, Manifest
from lbdisc.own_files import FOLDER
from lbdisc.trust import group_name, user_name

_OURS = (
    *TAKEN,
    *("guard.json", "heartbeat", "written.jsonl", "register", "serf", "serf.snapshot", "word-*"),
    *("operator.json", "pinned.json", "control.sock"),
    *(".*", "haproxy.*", "history", "pin-*.json"),
)


def tighten(folder: Path) -> None:
    """Close a folder that an earlier version, or a supervisor, made wider than 0750.

    Only one of this user that holds nothing but lbdisc's files, none of which belongs to somebody
    else: others may have a use for what else there is. Never raises.
    """
    with suppress(OSError):
        found = folder.stat()
        mode = stat.S_IMODE(found.st_mode)
        if mode & ~FOLDER & 0o777 and found.st_uid == os.geteuid() and _is_ours(folder):
            folder.chmod(mode & ~0o777 | mode & FOLDER)


def _is_ours(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        found = {entry.name: entry.stat(follow_symlinks=False).st_uid for entry in entries}
    patterns = (*_OURS, *_further(folder, found))
    return set(found.values()) <= {0, os.geteuid()} and all(
        any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns) for name in found
    )


def _further(folder: Path, names: dict[str, int]) -> set[str]:
    """The configuration and the files beside it, where they are in the folder, too."""
    configs = [name[1:-6] for name in names if name.startswith(".") and name.endswith(".files")]
    configs += [name[1:-5] for name in names if name.startswith(".") and name.endswith(".lock")]
    found = {f"{name}*" for name in configs if name}
    for name in configs:
        with suppress(ApplyError):
            found |= {file.split("/")[0] for file in Manifest.read(folder / name).files}
    return found


def not_for(folder: Path) -> str:
    """Why this user may not read what is in ``folder``, and who may."""
    own = user_name(os.geteuid())
    try:
        found = folder.stat()
    except OSError as error:
        return f"state_dir {folder}: {error.strerror}, for user {own}"
    owner, group = user_name(found.st_uid), group_name(found.st_gid)
    return (
        f"user {own} may not read state_dir {folder} (owner {owner}, group {group}, mode "
        f"{stat.S_IMODE(found.st_mode):o}): be {owner}, or a member of group {group}"
    )
