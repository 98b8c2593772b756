"""Who else may write what lbdisc goes by."""

import grp
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.errors import SettingsError
from lbdisc.trust import flaw_of, refuse_untrusted
from support.users import ONLY_ROOT, STRANGER, open_folder

pytestmark = ONLY_ROOT


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


@pytest.fixture
def file(folder: Path) -> Path:
    path = folder / "inner" / "lbdisc.toml"
    path.parent.mkdir(mode=0o755)
    path.write_text("")
    path.chmod(0o644)
    return path


def said(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        refuse_untrusted(path, "the settings file")
    return str(caught.value)


def test_a_file_of_our_own_in_a_sticky_folder_is_good(file: Path) -> None:
    file.parent.chmod(0o1777)
    assert flaw_of(file) is None


def test_a_file_that_all_may_write_is_told_with_what_would_be_right(file: Path) -> None:
    file.chmod(0o666)
    assert said(file) == (
        f"the settings file {file} may be written by all (mode 666): chmod go-w {file}, or name "
        "the folder in the setting trusted"
    )


def test_a_strangers_file_is_told_with_its_owner(file: Path) -> None:
    os.chown(file, STRANGER, STRANGER)
    assert f"belongs to uid {STRANGER}, not to root: chown -h root {file}" in said(file)


def test_a_folder_above_that_all_may_write_is_named(file: Path) -> None:
    file.parent.chmod(0o777)
    assert f"{file}: {file.parent} may be written by all" in said(file)


def test_a_folder_is_not_shared_even_if_it_is_sticky(file: Path) -> None:
    file.parent.chmod(0o1777)
    assert "may be written by all (mode 1777)" in said(file.parent)


def test_a_strangers_link_to_a_good_file_is_refused(folder: Path, file: Path) -> None:
    link = folder / "link.toml"
    link.symlink_to(file)
    assert flaw_of(link) is None
    os.chown(link, STRANGER, STRANGER, follow_symlinks=False)
    assert f"{link} belongs to uid" in said(link)


def test_a_link_into_a_folder_of_others_is_refused(folder: Path, file: Path) -> None:
    link = folder / "link.toml"
    link.symlink_to("inner/../inner/lbdisc.toml")
    file.parent.chmod(0o777)
    assert f"{file.parent} may be written by all" in said(link)


def test_a_group_counts_only_if_somebody_is_in_it(file: Path) -> None:
    members = next(g for g in grp.getgrall() if g.gr_gid in {p.pw_gid for p in pwd.getpwall()[2:]})
    file.chmod(0o664)
    for gid in (0, STRANGER):
        os.chown(file, 0, gid)
        assert flaw_of(file) is None
    os.chown(file, 0, members.gr_gid)
    assert f"may be written by the group {members.gr_name} (mode 664)" in said(file)


def test_who_used_sudo_is_as_good_as_root(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(file, STRANGER, STRANGER)
    monkeypatch.setenv("SUDO_UID", str(STRANGER))
    assert flaw_of(file) is None


@pytest.mark.parametrize("trusted", ["*", "{folder}", "{folder}/inner/lbdisc.toml"])
def test_what_is_in_a_trusted_folder_is_not_asked(folder: Path, file: Path, trusted: str) -> None:
    file.chmod(0o666)
    assert flaw_of(file, trusted=[trusted.format(folder=folder)]) is None
    assert flaw_of(file, trusted=[f"{folder}/in"]) is not None


def test_what_is_missing_is_nobodys(folder: Path) -> None:
    assert flaw_of(folder / "none" / "file") is None


def test_a_descriptor_of_this_process_is_nobody_elses() -> None:
    reading, writing = os.pipe()
    assert flaw_of(Path(f"/dev/fd/{reading}")) is None
    assert flaw_of(Path("/dev/null")) is None
    os.close(reading)
    os.close(writing)
