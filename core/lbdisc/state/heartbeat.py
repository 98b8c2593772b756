"""A sign of life in the state folder, written over in place every few seconds.

It takes no new room, so a full disk does not stop it on most file systems; it is not forced out to
the disk, so it wakes none by itself. Whoever reads it finds by its age that the agent is stopped,
stuck or may not write, whatever the status file went on saying.
"""

import json
import os
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lbdisc import own_files
from lbdisc.errors import LbdiscError, shown
from lbdisc.state import process

EVERY = 5.0  # seconds between two
SIZE = 512  # bytes, always the same: a shorter one leaves nothing of a longer one
_LONGEST = 120  # characters of an error
_TRIES = 3  # a reader may meet half of a new one


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwritten:
    """A ``file`` of the state folder that cannot be written ``since`` (unix seconds)."""

    file: str
    error: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The agent's process, and when it was heard of.

    ``monotonic_s`` is the time of this beat and ``turned_s`` of the loop's last turn; both compare
    with another process's ``time.monotonic()`` in the same ``boot``. ``unix_s`` is for people: the
    clock may jump.
    """

    pid: int
    started: int
    boot: str
    namespace: int
    unix_s: float
    monotonic_s: float
    turned_s: float
    unwritten: Unwritten | None = None

    @classmethod
    def now(cls, *, turned_s: float, unwritten: Unwritten | None) -> "Heartbeat":
        """One of this process."""
        pid, started, boot, namespace = _identity(os.getpid())
        return cls(
            pid=pid,
            started=started,
            boot=boot,
            namespace=namespace,
            unix_s=time.time(),
            monotonic_s=time.monotonic(),
            turned_s=turned_s,
            unwritten=unwritten,
        )

    def write(self, file: Path) -> None:
        """Raises ``OSError``."""
        found = asdict(self)
        if self.unwritten is not None:
            found["unwritten"]["error"] = self.unwritten.error[:_LONGEST]
        text = json.dumps(found).encode().ljust(SIZE - 1) + b"\n"
        # Monitors are other users.
        descriptor = own_files.opened(file, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(descriptor, text, 0)
        finally:
            os.close(descriptor)


@cache
def _identity(pid: int) -> tuple[int, int, str, int]:
    own = process.state_of(pid)
    return pid, own.started if own else 0, process.boot(), process.namespace()


def read(file: Path) -> Heartbeat | None:
    """The last one, ``None`` where there is none. Raises ``LbdiscError`` if it cannot be read."""
    for tried in range(_TRIES):
        try:
            text = own_files.read(file)
            return _parsed(json.loads(text)) if text else None  # empty: the disk was full
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LbdiscError(f"cannot read {file}: {error.strerror}") from error
        except (ValueError, TypeError, KeyError):
            time.sleep(0.001 * tried)
    raise LbdiscError(f"{file} is no heartbeat of an agent: {shown(file.read_bytes()[:40])}")


def _parsed(found: dict[str, Any]) -> Heartbeat:
    unwritten = found["unwritten"]
    return Heartbeat(
        pid=int(found["pid"]),
        started=int(found["started"]),
        boot=str(found["boot"]),
        namespace=int(found["namespace"]),
        unix_s=float(found["unix_s"]),
        monotonic_s=float(found["monotonic_s"]),
        turned_s=float(found["turned_s"]),
        unwritten=unwritten and Unwritten(**unwritten),
    )
