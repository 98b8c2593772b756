"""The duties of process 1 in a container."""

import signal
import sys
from pathlib import Path

import psutil
import pytest

from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually

# A subreaper gets orphans as process 1 of a container does, prctl(2).
PROGRAM = """
import ctypes, os, signal, subprocess, sys, time
from lbdisc.register import process_one
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
code = process_one.split()
if code is None:
    exec(sys.argv[1])
    sys.exit(0)
sys.exit(code)
"""
ORPHAN = "subprocess.run(['sh', '-c', '(sleep 0.1; : > {folder}/orphan) &']); "
WAIT = "open('{folder}/on', 'w').close(); time.sleep(300)"
NOTE = "signal.signal(signal.SIGHUP, lambda *_: open('{folder}/hup', 'w').close()); "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def init_with(worker: str, folder: Path) -> Process:
    command = [sys.executable, "-c", PROGRAM, worker.format(folder=folder)]
    return Process(command, log=folder / "log")


@pytest.mark.parametrize(
    ("worker", "code"),
    [("sys.exit(7)", 7), ("pass", 0), ("os.kill(os.getpid(), signal.SIGKILL)", 137)],
)
def test_its_exit_code_is_the_workers(folder: Path, worker: str, code: int) -> None:
    with init_with(worker, folder) as init:
        assert init.wait() == code


def test_signals_are_passed_on(folder: Path) -> None:
    with init_with(NOTE + WAIT, folder) as init:
        eventually((folder / "on").exists)
        init.send(signal.SIGHUP)
        eventually((folder / "hup").exists)
        assert init.stop() == 128 + signal.SIGTERM


def test_orphans_are_reaped_and_do_not_end_it(folder: Path) -> None:
    with init_with(ORPHAN + WAIT, folder) as init:
        eventually((folder / "orphan").exists)
        process = psutil.Process(init.pid)
        eventually(lambda: len(process.children()) == 1)
        assert init.running
        assert init.stop() == 128 + signal.SIGTERM


def test_a_workers_own_children_keep_their_exit_codes(folder: Path) -> None:
    with init_with("sys.exit(subprocess.run(['sh', '-c', 'exit 9']).returncode)", folder) as init:
        assert init.wait() == 9
