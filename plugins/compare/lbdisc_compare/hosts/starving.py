"""Processes that get no processor, or too little: frozen and starved programs and hosts.

Starved by stopping and continuing them in turn: that needs no right but over one's own processes,
and no control group, which is another one on every machine and in every container. What a starved
program meets is the same: it runs for a moment now and then, its clock goes on, its sockets fill.
"""

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lbdisc_compare.hosts.host import Host
from lbdisc_compare.hosts.namespaces import NamespaceHosts

SLICE = 0.1  # seconds, the period of stopping and continuing
PROCESSES = Path("/proc")


class Stoppable(Protocol):
    """A ``Part``, or all that runs on a host."""

    @property
    def pids(self) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class Residents:
    """All processes on a host with a network of its own, whoever started them."""

    hosts: NamespaceHosts
    host: Host

    @property
    def pids(self) -> Sequence[int]:
        network = self.hosts.namespace(self.host).stat().st_ino
        return [pid for pid in _processes() if _network(pid) == network]


@contextmanager
def frozen(*parts: Stoppable) -> Iterator[None]:
    """They are there, their connections too, but they do nothing."""
    try:
        stopped: set[int] = set()
        while new := set(_pids(parts)) - stopped:  # what one forked before it was stopped
            _send(signal.SIGSTOP, new)
            stopped |= new
        yield
    finally:
        _send(signal.SIGCONT, _pids(parts))


@contextmanager
def starved(*parts: Stoppable, share: float = 0.9, period: float = SLICE) -> Iterator[None]:
    """Of each ``period`` of seconds they are stopped for ``share``, all at the same moments.

    Raises ``ValueError`` for a share out of 0 to 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"a share of {share} is no starving: between 0 and 1")
    enough = threading.Event()
    thread = threading.Thread(target=_starve, args=(parts, share, period, enough), daemon=True)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def _starve(
    parts: Sequence[Stoppable], share: float, period: float, enough: threading.Event
) -> None:
    try:
        while not enough.is_set():
            _send(signal.SIGSTOP, _pids(parts))
            enough.wait(share * period)
            _send(signal.SIGCONT, _pids(parts))
            enough.wait((1 - share) * period)
    finally:
        _send(signal.SIGCONT, _pids(parts))


def _pids(parts: Iterable[Stoppable]) -> list[int]:
    return [pid for part in parts for pid in part.pids]


def _send(number: int, to: Iterable[int]) -> None:
    for pid in to:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _processes() -> Iterator[int]:
    return (int(one.name) for one in PROCESSES.iterdir() if one.name.isdecimal())


def _network(pid: int) -> int:
    try:
        return (PROCESSES / str(pid) / "ns" / "net").stat().st_ino
    except OSError:
        return 0  # it has ended, or is another user's
