"""What the kernel says of a process: whether it lives, and whether it is the one that was meant."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

STOPPED, ENDED = ("T",), ("Z", "X", "x")  # proc(5), /proc/PID/stat


@dataclass(frozen=True, slots=True)
class ProcessState:
    """``letter`` as in proc(5), ``started`` in clock ticks since the boot: no two have one pid and
    one start. A process that this user may not look at has an empty letter.
    """

    letter: str
    started: int


def state_of(pid: int) -> ProcessState | None:
    """``None`` where there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ProcessState("", 0) if _exists(pid) else None
    # The program's name stands in parentheses and may hold anything.
    words = text.rpartition(")")[2].split()
    return ProcessState(words[0], int(words[19]))


def _exists(pid: int) -> bool:
    """Also where /proc hides the processes of others (``hidepid``)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def boot() -> str:
    """What tells this boot of this machine from any other, ``""`` if nothing does."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def namespace() -> int:
    """In which world of process ids we are: a container has its own."""
    with suppress(OSError):
        return Path("/proc/self/ns/pid").stat().st_ino
    return 0
