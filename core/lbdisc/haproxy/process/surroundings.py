"""Where a process works and what its environment says, which decide what its words mean."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lbdisc.environment import for_child
from lbdisc.haproxy.process.command_line import PROC

# What HAProxy's master, or a supervisor, tells that very process: another is not to hear it.
_PRIVATE = (
    *("HAPROXY_MWORKER", "HAPROXY_PROCESSES", "HAPROXY_LOAD_SUCCESS", "HAPROXY_STARTUP"),
    *("HAPROXY_INITIALIZED", "NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_"),
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Relative paths begin at ``folder``; ``variables`` are those of the environment."""

    folder: Path
    variables: Mapping[str, str]

    @classmethod
    def own(cls, passed: Sequence[str] = ()) -> Self:
        """Those of what this process starts; ``passed`` as ``for_child`` has it."""
        return cls(Path.cwd(), for_child(passed))

    @classmethod
    def of(cls, pid: int, passed: Sequence[str] = ()) -> Self:
        """Those of the process, as far as they can be seen; else as ``own``."""
        own = cls.own(passed)
        folder, variables = own.folder, own.variables
        with suppress(OSError):
            there = (PROC / str(pid) / "cwd").readlink()
            folder = there if there.is_dir() else folder
        if (found := environment_of(pid)) is not None:
            variables = {n: value for n, value in found.items() if not n.startswith(_PRIVATE)}
        return cls(folder, variables)


def environment_of(pid: int) -> dict[str, str] | None:
    """What the process was started with, ``None`` where that is not to be seen."""
    with suppress(OSError):
        text = (PROC / str(pid) / "environ").read_bytes().decode(errors="surrogateescape")
        return dict(part.split("=", 1) for part in text.split("\0") if "=" in part)
    return None
