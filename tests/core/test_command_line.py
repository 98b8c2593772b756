"""Which files a HAProxy was started with, read from its command line."""

import os
import socket
from pathlib import Path

import pytest

from lbdisc.errors import SettingsError
from lbdisc.haproxy.process import command_line
from lbdisc.haproxy.process.command_line import CommandLine, Files, files_in
from lbdisc.haproxy.process.whose_file import judged

ME = os.getpid()


def files(*arguments: str | Path) -> Files | None:
    """Those of this very process, had it been started so."""
    return files_in(CommandLine(ME, ("haproxy", *map(str, arguments))))


def names(found: Files | None) -> list[Path]:
    assert found is not None
    return [file.name for file in found.files]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a.cfg, b.cfg and c.conf in conf."""
    (tmp_path / "conf").mkdir()
    for name in ("b.cfg", "a.cfg", "c.conf", ".d.cfg"):
        (tmp_path / "conf" / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_several_files_come_in_their_order(here: Path) -> None:
    found = files("-W", "-S", "/run/m.sock", "-f", here / "2.cfg", "-f", "1.cfg", "-sf", "12")
    assert names(found) == [here / "2.cfg", here / "1.cfg"]


def test_of_a_folder_those_that_haproxy_reads(here: Path) -> None:
    found = files("-f", here / "conf")
    assert names(found) == [here / "conf" / "a.cfg", here / "conf" / "b.cfg"]
    assert found is not None
    assert found.hold(here / "conf" / "new.cfg")
    assert not found.hold(here / "conf" / "c.conf")


def test_behind_two_dashes_there_are_only_files(here: Path) -> None:
    assert names(files("-W", "--", "conf/a.cfg", "-f")) == [here / "conf" / "a.cfg", here / "-f"]


def test_a_file_is_known_through_links_and_before_it_is_there(here: Path) -> None:
    (here / "link").symlink_to("conf")
    found = files("-f", here / "conf" / "new.cfg")
    assert found is not None
    assert found.hold(here / "link" / "new.cfg")
    (here / "conf" / "new.cfg").touch()
    assert found.hold(here / "link" / "new.cfg")
    assert not found.hold(here / "conf" / "a.cfg")
    assert found.beside(here / "conf" / "a.cfg") == (here / "conf" / "new.cfg",)


def test_a_link_that_is_going_to_be_replaced_is_another_file(here: Path) -> None:
    (here / "haproxy.cfg").symlink_to("conf/a.cfg")
    target, link = files("-f", here / "conf" / "a.cfg"), files("-f", here / "haproxy.cfg")
    assert target is not None
    assert link is not None
    assert not target.hold(here / "haproxy.cfg")
    assert link.hold(here / "haproxy.cfg")
    assert link.hold(here / "conf" / "a.cfg")


def test_a_process_that_is_not_there_or_serves_elsewhere_is_not_known(tmp_path: Path) -> None:
    assert command_line.files_of(2**22 + 1, "/run/m.sock") is None
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "m.sock"))
        assert command_line.files_of(ME, str(tmp_path / "m.sock")) is None


def test_without_any_file_nothing_is_known() -> None:
    assert files("-W", "-f") is None


def said(config: Path, *arguments: str | Path) -> str:
    found = files(*arguments)
    assert found is not None
    return judged(config, found, "/run/m.sock (process 7)")


def test_another_file_is_named_with_what_to_set(here: Path) -> None:
    with pytest.raises(SettingsError, match=r"does not run .*b\.cfg: it runs .*a\.cfg; set output"):
        said(here / "conf" / "b.cfg", "-f", here / "conf" / "a.cfg")


def test_of_several_files_one_has_to_be_ours(here: Path) -> None:
    both = ("-f", here / "conf" / "a.cfg", "-f", here / "conf" / "b.cfg")
    assert f"runs {here}/conf/b.cfg beside {here}/conf/a.cfg" in said(here / "conf/a.cfg", *both)
    with pytest.raises(SettingsError, match="set output = one of its files"):
        said(here / "conf" / "c.conf", *both)


def test_the_right_file_alone_is_not_worth_a_word(here: Path) -> None:
    assert said(here / "conf" / "a.cfg", "-f", "conf/a.cfg") == ""
