"""Processes on one host as a part of a deployment, with the faults that happen to hosts."""

import os
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import psutil

from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from lbdisc_compare.hosts.host import Host

DEATH = 10.0  # seconds; catches a hang


class Program:
    """One program with whatever processes it has started.

    ``start`` calls ``begin``, which returns once it is ready; without it the process is started
    again by its own command line. ``others`` of what it has started are no part of it.
    """

    def __init__(
        self,
        name: str,
        host: Host,
        process: Callable[[], Process],
        begin: Callable[[], object] | None = None,
        *,
        others: Callable[[], Sequence[int]] = tuple,
    ) -> None:
        self.name = name
        self.host = host
        self._process = process
        self._begin = begin or (lambda: process().start())
        self._others = others

    @property
    def pids(self) -> Sequence[int]:
        process = self._process()
        if not process.running:
            return []
        others = set(self._others())
        return [pid for pid in family(process.pid) if pid not in others]

    def kill(self) -> None:
        kill_all(self.pids)
        self._process().kill()

    def pause(self) -> None:
        signal_all(signal.SIGSTOP, self.pids)

    def resume(self) -> None:
        signal_all(signal.SIGCONT, self.pids)

    def start(self) -> None:
        self._begin()


def family(pid: int) -> list[int]:
    """``pid`` and all that it has started; empty when it is gone."""
    try:
        parent = psutil.Process(pid)
        if parent.status() == psutil.STATUS_ZOMBIE:
            return []
        return [pid, *(child.pid for child in parent.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def signal_all(number: int, pids: Iterable[int]) -> None:
    """Send the signal ``number`` to those that are there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_all(pids: Iterable[int]) -> None:
    """kill -9; returns once they have ended. Raises ``AssertionError`` if one does not."""
    doomed = list(pids)
    signal_all(signal.SIGKILL, doomed)
    eventually(
        lambda: not any(map(_lives, doomed)), deadline=DEATH, every=0.005, what="the end by kill -9"
    )


def _lives(pid: int) -> bool:
    """An orphan that has ended stays as a zombie until the system's first process looks."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
