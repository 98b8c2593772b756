"""The wrapped COMMAND."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import psutil
import pytest

from lbdisc.register.child import Child, CommandError
from lbdisc.testing.waiting import eventually

Codes = Queue[int]
LOOP = ": > {folder}/on; while :; do sleep 0.01; done"
READY = "echo $$ > {folder}/ready.tmp; mv {folder}/ready.tmp {folder}/ready; "


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Shell(Child):
    """A child that runs a script, and tells when it has begun."""

    def __init__(self, folder: Path, script: str) -> None:
        self.ready = folder / "ready"
        super().__init__(["sh", "-c", READY.format(folder=folder) + script])
        self.codes: Codes = Queue()

    def begin(self) -> "Shell":
        self.start(self.codes.put)
        eventually(self.ready.exists)
        return self

    def code(self) -> int:
        return self.codes.get(timeout=30)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Child]]:
    children: list[Child] = []
    yield children
    for child in children:
        child.kill()


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)]
)
def test_its_exit_code_is_that_of_a_shell(tmp_path: Path, script: str, code: int) -> None:
    child = Shell(tmp_path, script).begin()
    assert child.code() == code
    assert not child.running


@pytest.mark.parametrize("name", ["no-such-program", "/no/such/program"])
def test_a_missing_program_is_127_and_one_line(name: str) -> None:
    with pytest.raises(CommandError) as caught:
        Child([name]).start(lambda code: None)
    assert caught.value.exit_code == 127
    assert str(caught.value) == f"cannot run COMMAND {name!r}: No such file or directory"


def test_a_file_that_may_not_be_run_is_126(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        Child([str(tmp_path)]).start(lambda code: None)
    assert caught.value.exit_code == 126


def test_a_signal_reaches_it(tmp_path: Path, started: list[Child]) -> None:
    child = Shell(tmp_path, "trap 'exit 5' USR1; " + LOOP.format(folder=tmp_path)).begin()
    started.append(child)
    eventually((tmp_path / "on").exists)
    child.send(signal.SIGUSR1)
    assert child.code() == 5


def test_it_has_a_process_group_of_its_own(tmp_path: Path, started: list[Child]) -> None:
    child = Shell(tmp_path, "exec sleep 300").begin()
    started.append(child)
    assert os.getpgid(child.pid) == child.pid != os.getpgrp()


def test_kill_ends_the_whole_group(tmp_path: Path) -> None:
    child = Shell(tmp_path, f"sleep 300 & echo $! > {tmp_path}/other; : > {tmp_path}/on; wait")
    child.begin()
    eventually((tmp_path / "on").exists)
    child.kill()
    assert child.code() == 137
    other = int((tmp_path / "other").read_text())
    eventually(lambda: ended(other))


def test_what_it_leaves_behind_gets_time_to_end_cleanly(tmp_path: Path) -> None:
    loop = LOOP.format(folder=tmp_path)
    inner = f'trap "echo bye > {tmp_path}/bye; exit" TERM; {loop}'
    child = Shell(tmp_path, f"sh -c '{inner}' & while [ ! -e {tmp_path}/on ]; do sleep 0.01; done")
    child.begin()
    assert child.code() == 0
    child.clear(30)
    assert (tmp_path / "bye").read_text() == "bye\n"


def test_what_does_not_end_is_killed(tmp_path: Path) -> None:
    inner = (
        f'trap "" TERM; echo $$ > {tmp_path}/other; : > {tmp_path}/on; while :; do sleep 0.01; done'
    )
    child = Shell(tmp_path, f"sh -c '{inner}' & while [ ! -e {tmp_path}/on ]; do sleep 0.01; done")
    child.begin()
    child.code()
    child.clear(0.1)
    other = int((tmp_path / "other").read_text())
    eventually(lambda: ended(other))


def test_it_does_not_speak_to_the_service_manager_for_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    monkeypatch.setenv("OTHER", "kept")
    child = Shell(tmp_path, f"echo ${{NOTIFY_SOCKET-none}} $OTHER > {tmp_path}/seen").begin()
    assert child.code() == 0
    assert (tmp_path / "seen").read_text() == "none kept\n"


KEEPER = """
import sys, time
from lbdisc.register.child import Child
Child(["sh", "-c", sys.argv[1]]).start(print)
time.sleep(300)
"""


def test_it_ends_when_its_keeper_is_killed(tmp_path: Path) -> None:
    script = f"trap 'echo bye > {tmp_path}/bye; exit' TERM; " + LOOP.format(folder=tmp_path)
    script = READY.format(folder=tmp_path) + script
    with subprocess.Popen([sys.executable, "-c", KEEPER, script]) as keeper:
        eventually((tmp_path / "on").exists)
        keeper.kill()
    child = int((tmp_path / "ready").read_text())
    eventually(lambda: ended(child))
    assert (tmp_path / "bye").read_text() == "bye\n"
