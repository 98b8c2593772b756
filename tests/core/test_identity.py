"""Whose an entry is: the same after a restart, never the same for two at once."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.builtin.file.registrar import FileRegistrar
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.register.identity import Identity

CODE = """
from pathlib import Path
from lbdisc.register.identity import Identity
found = Identity(Path({folder!r}), "web", "one")
print(found.owner, flush=True)
input()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that is web/one."""
    code = CODE.format(folder=str(tmp_path))
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) as process:
        yield process
        process.kill()


def owner(folder: Path, service: str = "web", name: str = "one") -> str:
    found = Identity(folder, service, name)
    found.close()
    return found.owner


def told_by(other: "subprocess.Popen[str]") -> str:
    assert other.stdout is not None
    return other.stdout.readline().strip()


def test_it_outlives_a_process_that_is_killed(
    tmp_path: Path, other: "subprocess.Popen[str]"
) -> None:
    first = told_by(other)
    other.kill()
    other.wait()
    assert owner(tmp_path) == first


def test_two_that_live_are_never_the_same(tmp_path: Path, other: "subprocess.Popen[str]") -> None:
    first = told_by(other)
    assert owner(tmp_path) != first
    other.kill()
    other.wait()
    assert owner(tmp_path) == first


def test_each_entry_and_each_host_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {owner(tmp_path), owner(tmp_path, "api"), owner(tmp_path, name="two")}
    monkeypatch.setattr(socket, "gethostname", lambda: "a copy of this host's disk")
    assert len(found | {owner(tmp_path)}) == 4


@pytest.mark.parametrize("text", ["", "0123", "f" * 64, "\0" * 32, "not a key"])
def test_a_key_that_is_none_is_made_anew(tmp_path: Path, text: str) -> None:
    first = owner(tmp_path)
    [file] = (tmp_path / "register").iterdir()
    file.write_text(text)
    assert owner(tmp_path) == owner(tmp_path) != first


def test_nobody_else_reads_the_key_and_the_owner_does_not_tell_it(tmp_path: Path) -> None:
    found = owner(tmp_path)
    [file] = (tmp_path / "register").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert found not in file.read_text()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    first = owner(tmp_path)
    [file] = (tmp_path / "register").iterdir()
    target = tmp_path / "target"
    file.replace(target)
    file.symlink_to(target)
    assert len({first, owner(tmp_path), owner(tmp_path)}) == 3


def test_where_no_key_can_be_kept_each_start_is_somebody_new(tmp_path: Path) -> None:
    (tmp_path / "register").write_text("a file where the folder should be")
    assert owner(tmp_path) != owner(tmp_path)


def test_a_registrar_is_told_who_it_is(tmp_path: Path) -> None:
    registrar = FileRegistrar(FileSettings(dir=tmp_path))
    found = Identity(tmp_path, "web", "one")
    found.give(registrar)
    assert registrar._owner == found.owner
