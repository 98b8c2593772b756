"""Where a process works and what its environment says, which decide what its words mean."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

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
    def own(cls) -> Self:
        """Those of this process, which what it starts has too."""
        return cls(Path.cwd(), os.environ)

    @classmethod
    def of(cls, pid: int) -> Self:
        """Those of the process, as far as they can be seen; else those of this one."""
        own = cls.own()
        folder, variables = own.folder, own.variables
        with suppress(OSError):
            folder = (PROC / str(pid) / "cwd").readlink()
        with suppress(OSError):
            text = (PROC / str(pid) / "environ").read_bytes().decode(errors="surrogateescape")
            pairs = (entry.partition("=") for entry in text.split("\0") if entry)
            variables = {n: value for n, _, value in pairs if not n.startswith(_PRIVATE)}
        return cls(folder, variables)
