"""This machine and its last start: what tells them from others, and a clock that nobody sets."""

import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

_ID = Path("/proc/sys/kernel/random/boot_id")
_MACHINE = Path("/etc/machine-id")


def boot_id() -> str:
    """What the kernel calls this start of the machine; ``""`` where it does not tell."""
    with suppress(OSError):
        return _ID.read_text().strip()
    return ""


def since_boot() -> float:
    """Seconds since then, those asleep too; the same for all processes, and it never jumps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def started(pid: int) -> int:
    """When the process began, in clock ticks since the boot; 0 where none can be seen.

    With the boot's id that names a process for ever, while a number is given to another one day.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        return int(stat.rpartition(")")[2].split()[19])  # proc(5), field 22
    except (OSError, ValueError, IndexError):
        return 0


def machine() -> str:
    """What tells this machine from others, ``""`` where nothing does (as in a container)."""
    with suppress(OSError):
        if its := _MACHINE.read_text().strip():
            # machine-id(5): the id itself is to be kept from others.
            return sha256(f"lbdisc {its}".encode()).hexdigest()[:16]
    return ""
