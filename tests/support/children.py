"""The programs that a process has started."""

from contextlib import suppress

import psutil


def children_with(word: str, pid: int | None = None) -> list[psutil.Process]:
    """Those with ``word`` in their command line, of this process or of ``pid``.

    What has ended has no command line: a test before may have left such a child.
    """
    found = []
    for child in psutil.Process(pid).children():
        with suppress(psutil.NoSuchProcess):
            if word in " ".join(child.cmdline()):
                found.append(child)
    return found
