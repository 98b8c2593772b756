"""The HAProxy that is going to bind: what it may do and we may not, and what it knows."""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lbdisc.environment import for_child
from lbdisc.haproxy.process.command_line import PROC, CommandLine
from lbdisc.haproxy.process.surroundings import environment_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Binder:
    """``ours``: it has our user and our rights, so what is forbidden to us is so to it.

    ``here``: its network is ours. ``environment`` is what it was started with, ``None`` where that
    is not known, and ``local_peer`` the name that it was given.
    """

    ours: bool = True
    here: bool = True
    environment: Mapping[str, str] | None = None
    local_peer: str = ""


def binder(master: int, binary: str, *, ours: bool = True, passed: Sequence[str] = ()) -> Binder:
    """The one with the process id ``master``; 0 for one that we are about to start ourselves.

    That one gets the variables ``passed``, as ``for_child`` has it.
    """
    if not master:
        return Binder(ours=ours and not has_more_rights(binary), environment=for_child(passed))
    process = CommandLine.of(master)
    return Binder(
        ours=ours and not has_more_rights(binary),
        here=_is_in_our_network(master),
        environment=environment_of(master),
        local_peer=next(process.options("-L"), "") if process else "",
    )


def has_more_rights(binary: str) -> bool:
    """Whether the program gets rights from its file: ``setcap``, or set-user-id."""
    found = shutil.which(binary)
    if found is None:
        return False
    with suppress(OSError):
        if "security.capability" in os.listxattr(found):
            return True
        return bool(Path(found).stat().st_mode & 0o4000)
    return False


def _is_in_our_network(pid: int) -> bool:
    """What may not be seen is taken for ours, as nothing says otherwise."""
    with suppress(OSError):
        return (PROC / str(pid) / "ns/net").readlink() == (PROC / "self/ns/net").readlink()
    return True
