"""Processes that are stopped for a while, or for most of the time."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_compare.hosts.namespaces import NamespaceHosts
from lbdisc_compare.hosts.starving import Residents, frozen, starved
from support.networks import inside

BUSY = (sys.executable, "-c", "while True: pass")


@dataclass
class Busy:
    """A program that takes all of a processor that it gets."""

    child: "subprocess.Popen[bytes]"

    @property
    def pids(self) -> list[int]:
        return [self.child.pid]

    @property
    def used(self) -> float:
        """Seconds of a processor so far."""
        return float(psutil.Process(self.child.pid).cpu_times().user)

    @property
    def stopped(self) -> bool:
        return bool(psutil.Process(self.child.pid).status() == psutil.STATUS_STOPPED)


@pytest.fixture
def busy() -> Iterator[Busy]:
    with subprocess.Popen(BUSY) as child:
        yield Busy(child)
        child.kill()


def test_what_is_frozen_does_nothing_and_goes_on_afterwards(busy: Busy) -> None:
    with frozen(busy):
        eventually(lambda: busy.stopped, what="it stands still")
        before = busy.used
        time.sleep(0.5)
        assert busy.used == before
    eventually(lambda: busy.used > before, what="it goes on")


def test_what_is_starved_runs_a_little_and_is_not_left_stopped(busy: Busy) -> None:
    with starved(busy, share=0.9):
        before, began = busy.used, time.monotonic()
        eventually(lambda: busy.used > before, what="it runs a little")
        time.sleep(2)
        assert busy.used - before < (time.monotonic() - began) / 2
    eventually(lambda: not busy.stopped, what="it is left running")


def test_what_ended_meanwhile_hinders_nobody(busy: Busy) -> None:
    with starved(busy), frozen(busy):
        busy.child.kill()
        busy.child.wait()


@pytest.mark.parametrize("share", [0.0, 1.0, 9.0])
def test_a_share_that_is_no_starving_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"), starved(share=share):
        pass


def two_on_one_host(hosts: NamespaceHosts) -> Any:
    here, there = hosts.host("a"), hosts.host("b")
    children = [subprocess.Popen(host.command(*BUSY)) for host in (here, here, there)]
    residents = Residents(hosts, here)
    eventually(lambda: len(residents.pids) == 2, what="both are on their host")
    with frozen(residents):
        here_now = [Busy(child) for child in children[:2]]
        eventually(lambda: all(one.stopped for one in here_now), what="they stand still")
        states = [Busy(child).stopped for child in children]
    for child in children:
        child.kill()
    return states


def test_a_host_is_frozen_with_all_that_runs_on_it(tmp_path: Path) -> None:
    assert inside(two_on_one_host, tmp_path) == [True, True, False]
