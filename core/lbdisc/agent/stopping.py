"""Ending the agent that holds a state folder, from another process."""

import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path

from lbdisc import own_files
from lbdisc.errors import LbdiscError
from lbdisc.state.store import Store

LIMIT = 20.0  # seconds: it leaves the registry, and a frozen HAProxy is ended by force
_EVERY = 0.02


def end_agent(store: Store, *, limit: float = LIMIT) -> int:
    """Have the agent end, and its load balancer with it; its process id, 0 if none ran.

    Returns once it is gone. Raises ``LbdiscError`` when that takes too long, or when the process
    that the lock names is not the one that holds it.
    """
    if not store.agent_runs:
        return 0
    pid = _holder(store.lock)
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return _gone(store, pid)
    try:
        if not _holds(pid, store.lock):
            return _gone(store, pid)
        signal.pidfd_send_signal(process, signal.SIGINT)
        if not select.select([process], [], [], limit)[0]:
            raise LbdiscError(
                f"the agent (process {pid}) did not end within {limit:g} s: end it by force "
                f"(kill -9 {pid}), then run `lbdisc stop` again"
            )
    except PermissionError as error:
        raise LbdiscError(f"the agent (process {pid}) belongs to somebody else: be root") from error
    finally:
        os.close(process)
    return pid


def _holder(lock: Path) -> int:
    """The process that the lock names; it writes its number just after it has it."""
    until = time.monotonic() + 1
    while not (text := _said(lock)).isdigit() or text == "0":
        if time.monotonic() > until:
            raise LbdiscError(f"{lock} is held, and does not say by which process: see `lslocks`")
        time.sleep(_EVERY)
    return int(text)


def _said(lock: Path) -> str:
    try:
        return own_files.text_of(lock).strip()
    except PermissionError as error:
        raise LbdiscError(f"the agent of {lock.parent} is somebody else's: be root") from error


def _holds(pid: int, lock: Path) -> bool:
    """Whether the process has the lock's file open: its number may be another's by now."""
    wanted = lock.stat()
    with suppress(FileNotFoundError, ProcessLookupError):  # it ends at this moment
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                its = link.stat()
                if (its.st_dev, its.st_ino) == (wanted.st_dev, wanted.st_ino):
                    return True
    return False


def _gone(store: Store, pid: int) -> int:
    """The named process is not the holder: it has just ended, or another one holds the lock."""
    until = time.monotonic() + 1
    while store.agent_runs:
        if time.monotonic() > until:
            raise LbdiscError(
                f"{store.lock} is held, but not by process {pid} that it names (in another "
                "container, or gone): see `lslocks`, and end the holder"
            )
        time.sleep(_EVERY)
    return 0
