"""What a role that was stopped must not leave behind: threads, descriptors, child processes."""

import os
import threading
from contextlib import suppress
from pathlib import Path

from lbdisc.testing.waiting import eventually


class Leaks:
    """What this process has when this is made; ``check`` finds what came since and stayed."""

    def __init__(self) -> None:
        self._before = _held()

    def new(self) -> set[str]:
        """What is there now and was not before."""
        return _held() - self._before

    def check(self, *, deadline: float = 2.0) -> None:
        """Raise ``AssertionError`` naming what is still there after ``deadline`` seconds."""
        eventually(lambda: not self.new(), deadline=deadline, what=f"the end of {self.new()}")


def _held() -> set[str]:
    return _threads() | _descriptors() | _children()


def _threads() -> set[str]:
    return {f"thread {thread.name} ({thread.ident})" for thread in threading.enumerate()}


def _descriptors() -> set[str]:
    """Sockets by their own numbers, which never return; anything else by the descriptor's."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the listing's own descriptor is closed by now
            target = str(descriptor.readlink())
            socket = target.startswith("socket:")
            found.add(target if socket else f"descriptor {descriptor.name} ({target})")
    return found


def _children() -> set[str]:
    found = set()
    for children in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # the thread may have ended
            found |= {f"process {pid}" for pid in children.read_text().split()}
    return found


def resident() -> int:
    """The memory that this process occupies, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
