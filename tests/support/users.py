"""Other users of this machine, with real user ids: tests that need them run as root."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
STRANGER = 54331  # users and groups that no system has
NEIGHBOUR = 54332
WATCHERS = 54333  # a group


def as_user(uid: int, *groups: int) -> list[str]:
    """The words before a command that the user runs, in the ``groups`` besides their own."""
    more = f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", more]


def ran_by(
    uid: int, code: str, *words: str | Path, groups: tuple[int, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    """What became of some Python of that user."""
    return subprocess.run(
        [*as_user(uid, *groups), sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@contextmanager
def busy(uid: int, code: str, *words: str | Path) -> Iterator["subprocess.Popen[str]"]:
    """Some Python of that user that goes on; from when it has written a line."""
    with subprocess.Popen(
        [*as_user(uid), sys.executable, "-c", code, *map(str, words)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process
        process.kill()


@contextmanager
def open_folder() -> Iterator[Path]:
    """A new folder that others may look into, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="lbdisc-") as made:
        Path(made).chmod(0o755)
        yield Path(made)
