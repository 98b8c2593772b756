"""Locks that one process holds and nobody else can: flock(2) needs no more than leave to read."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lbdisc import own_files
from lbdisc.errors import LbdiscError

_PRIVATE = 0o600
_TRIES = 3  # a stranger may be quicker once, but cannot open the file after that


@contextmanager
def locked(lock: Path, *, what: str, setting: str) -> Iterator[None]:
    """Hold the file ``lock``, for which ``what`` stands, as the only process.

    A file that others could open, as an earlier version left it, is closed to them, and replaced
    where one of them holds it. Raises ``LbdiscError`` that names the holder and ``setting``,
    ``OSError`` where there can be no such file, or no lock on it.
    """
    descriptor = _held(lock, what, setting)
    try:
        with suppress(OSError):  # a full disk stops no agent; the number is for people
            _note(lock, descriptor)
        yield
    finally:
        os.close(descriptor)


def holder_of(lock: Path) -> int | None:
    """The process that holds it, 0 where nobody can tell which; ``None`` while none does.

    Who may not open it goes by the kernel's list. Raises ``LbdiscError`` where that is not to be
    had either.
    """
    try:
        descriptor = own_files.opened(lock, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        return _listed(lock, error)
    except OSError as error:
        raise LbdiscError(f"cannot read {lock}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        found = os.fstat(descriptor)
        return None if _is_strangers(found) else _holder(lock, found)
    except OSError as error:
        raise LbdiscError(f"cannot lock {lock}: {error.strerror}") from error
    finally:
        os.close(descriptor)
    return None


def _held(lock: Path, what: str, setting: str) -> int:
    for _ in range(_TRIES):
        descriptor = own_files.opened(lock, os.O_RDONLY | os.O_CREAT, _PRIVATE)
        # For reading: a file that is open for writing keeps its file system from being made
        # read-only.
        try:
            found = _closed_to_others(lock, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(lock, found):
                return descriptor
            os.close(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            if not _is_strangers(found):
                raise LbdiscError(
                    f"another lbdisc uses {what} ({_who(lock, found)}): stop it, or give this one "
                    f"its own {setting}"
                ) from None
            _replace(lock, found)
        except BaseException:
            os.close(descriptor)
            raise
    raise LbdiscError(f"{lock} is replaced again and again: find out by whom")


def _closed_to_others(lock: Path, descriptor: int) -> os.stat_result:
    found = os.fstat(descriptor)
    if found.st_mode & 0o077 and os.geteuid() in (0, found.st_uid):
        os.fchmod(descriptor, _PRIVATE)
    if not found.st_size and found.st_uid == 0:  # the agent may be another user than root
        own_files.give_to_owner_of(lock.parent, lock)
    return found


def _is_at(lock: Path, found: os.stat_result) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(lock.lstat(), found)
    return False


def _replace(lock: Path, found: os.stat_result) -> None:
    """Put a file in its place that only this user and root can open."""
    fresh = lock.with_name(f".{lock.name}.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    own_files.write_anew(fresh, "", _PRIVATE)
    if _is_at(lock, found):
        fresh.replace(lock)
    else:
        fresh.unlink()


def _note(lock: Path, descriptor: int) -> None:
    writing = own_files.opened(lock, os.O_WRONLY)
    try:
        if os.path.samestat(os.fstat(writing), os.fstat(descriptor)):
            os.ftruncate(writing, 0)
            os.write(writing, f"{os.getpid()}\n".encode())
    finally:
        os.close(writing)


def _who(lock: Path, found: os.stat_result) -> str:
    """Names no process that is not there, nor one that has the number of one that was."""
    if pid := _holder(lock, found):
        return f"process {pid}"
    return "a process that cannot be seen from here, as in another container: see `lslocks`"


def _holder(lock: Path, found: os.stat_result) -> int:
    """By the kernel's list, else by what the file says if that process has it open; 0 if not."""
    takers = [pid for pid in _takers(found) if _owner(pid) is not None]
    if takers:
        return takers[0]
    with suppress(OSError, ValueError):
        said = int(own_files.text_of(lock))
        for link in Path(f"/proc/{said}/fd").iterdir():
            with suppress(FileNotFoundError):
                if os.path.samestat(link.stat(), found):
                    return said
    return 0


def _is_strangers(found: os.stat_result) -> bool:
    """Whether who took it is surely neither root's, nor of the file's owner, nor of this user.

    A taker that has ended passed it on; lbdisc never does that.
    """
    takers = _takers(found)
    return bool(takers) and not any(
        _owner(pid) in (0, os.geteuid(), found.st_uid) for pid in takers
    )


def _owner(pid: int) -> int | None:
    """Whose process it is. Its folder in /proc is root's where it cannot be traced (proc(5))."""
    with suppress(OSError, IndexError, ValueError):
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
        return int(next(line for line in lines if line.startswith("Uid:")).split()[2])
    return None


def _listed(lock: Path, error: PermissionError) -> int | None:
    try:
        found = lock.stat()
    except OSError:
        raise LbdiscError(f"cannot read {lock}: {error.strerror}") from error
    return next(iter(_takers(found)), None)


def _takers(found: os.stat_result) -> list[int]:
    """The processes that took a lock on the file, as the kernel tells (proc(5), /proc/locks).

    Those of other containers are left out.
    """
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with suppress(OSError):
        lines = Path("/proc/locks").read_text().splitlines()
        rows = [line.split() for line in lines if " FLOCK " in line and "->" not in line]
        return [int(row[4]) for row in rows if row[5] == device and row[4].isdigit()]
    return []
