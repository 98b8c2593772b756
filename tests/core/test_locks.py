"""Locks: one agent for each folder, and a stranger's hold on one stops none."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.errors import LbdiscError
from lbdisc.state.locks import holder_of, locked
from lbdisc.state.store import Store
from support.users import ONLY_ROOT, STRANGER, WATCHERS, busy, open_folder, ran_by

HOLDS = """
import fcntl, sys, time
file = open(sys.argv[1]); fcntl.flock(file, fcntl.LOCK_EX); print("held", flush=True)
time.sleep(60)
"""
PASSES_ON = """
import fcntl, os, sys, time
file = open(sys.argv[1]); fcntl.flock(file, fcntl.LOCK_EX)
if os.fork(): os._exit(0)
print("held", flush=True); time.sleep(60)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


def wide(folder: Path) -> Path:
    """A lock as an earlier version made it."""
    lock = folder / "agent.lock"
    lock.write_text("4194304\n")
    lock.chmod(0o644)
    return lock


@ONLY_ROOT
@pytest.mark.parametrize("code", [HOLDS, PASSES_ON])
def test_a_strangers_hold_on_a_lock_stops_nobody(folder: Path, code: str) -> None:
    lock = wide(folder)
    with busy(STRANGER, code, lock), locked(lock, what="it", setting="state_dir"):
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        assert holder_of(lock) == os.getpid()
        with pytest.raises(LbdiscError, match=f"process {os.getpid()}"):
            locked(lock, what="it", setting="state_dir").__enter__()


@ONLY_ROOT
def test_who_is_not_let_in_cannot_hold_it(folder: Path) -> None:
    lock = folder / "agent.lock"
    with locked(lock, what="it", setting="state_dir"):
        assert "PermissionError" in ran_by(STRANGER, HOLDS, lock).stderr


def test_a_wide_lock_is_closed_to_others(tmp_path: Path) -> None:
    lock = wide(tmp_path)
    with locked(lock, what="it", setting="state_dir"):
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600


@ONLY_ROOT
def test_another_agent_that_says_nothing_of_itself_is_found_by_the_kernel(folder: Path) -> None:
    lock = wide(folder)
    with (
        busy(0, HOLDS, lock) as other,
        pytest.raises(LbdiscError, match=rf"process {other.pid}\)"),
        locked(lock, what="it", setting="state_dir"),
    ):
        pass


@ONLY_ROOT
def test_a_lock_that_root_makes_is_the_folders_owners(folder: Path) -> None:
    os.chown(folder, STRANGER, STRANGER)
    with locked(folder / "agent.lock", what="it", setting="state_dir"):
        assert (folder / "agent.lock").stat().st_uid == STRANGER


@ONLY_ROOT
def test_a_member_of_the_group_learns_who_holds_it(folder: Path) -> None:
    store = Store(folder / "state")
    store.prepare()
    os.chown(store.folder, 0, WATCHERS)
    asks = (
        "import sys, pathlib; from lbdisc.state.store import Store;"
        "print(Store(pathlib.Path(sys.argv[1])).holder)"
    )
    with store.locked():
        found = ran_by(STRANGER, asks, store.folder, groups=(WATCHERS,))
    assert found.stdout == f"{os.getpid()}\n", found.stderr
