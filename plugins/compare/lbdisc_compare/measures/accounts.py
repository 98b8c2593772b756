"""What processes use: processor, memory, disk (proc(5), through psutil)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath

import psutil

GONE = (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied)
PYTHON = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What processes have used since they began, with their children that ended.

    ``cpu``: seconds of a processor, in user and in kernel mode. ``written``: bytes that they had
    written to a disk (``write_bytes``), in whole pages; what a memory file system keeps is none.
    """

    cpu: float = 0.0
    written: float = 0.0

    def __add__(self, other: "Account") -> "Account":
        return Account(cpu=self.cpu + other.cpu, written=self.written + other.written)

    def __sub__(self, other: "Account") -> "Account":
        return self + other * -1.0

    def __mul__(self, share: float) -> "Account":
        return Account(cpu=self.cpu * share, written=self.written * share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Memory of one process in MB (10^6 bytes).

    ``rss`` counts what is shared as well, ``pss`` a share of it, ``uss`` what is its own alone.
    """

    program: str
    rss: float
    pss: float
    uss: float


def accounts(pids: Iterable[int]) -> dict[str, Account]:
    """Of those that run, by program."""
    found: dict[str, Account] = {}
    for process in _running(pids):
        with _unless_gone():
            times, files = process.cpu_times(), process.io_counters()
            cpu = sum((times.user, times.system, times.children_user, times.children_system))
            program = name_of(process)
            account = Account(cpu=cpu, written=files.write_bytes)
            found[program] = found.get(program, Account()) + account
    return found


def footprints(pids: Iterable[int]) -> Iterator[Footprint]:
    """Of those that run."""
    for process in _running(pids):
        with _unless_gone():
            memory = process.memory_full_info()
            yield Footprint(
                program=name_of(process),
                rss=memory.rss / 1e6,
                pss=memory.pss / 1e6,
                uss=memory.uss / 1e6,
            )


def name_of(process: psutil.Process) -> str:
    """The program, or what Python runs: a module or a script by its name."""
    words = process.cmdline()
    name = PurePath(words[0]).name if words else process.name()
    if not name.startswith(PYTHON):
        return name
    rest = [word for word in words[1:] if word == "-c" or not word.startswith("-")]
    return PurePath(rest[0]).name.removesuffix(".py") if rest and rest[0] != "-c" else PYTHON


def _running(pids: Iterable[int]) -> Iterator[psutil.Process]:
    for pid in pids:
        with _unless_gone():
            yield psutil.Process(pid)


@contextmanager
def _unless_gone() -> Iterator[None]:
    try:
        yield
    except GONE:
        return
