"""Files of a configuration: checked together, installed and brought back as one, lbdisc's alone."""

import os
from pathlib import Path

import pytest

from lbdisc import Rendered
from lbdisc.errors import ApplyError, CheckError
from lbdisc.installing import Installation, heal, held
from lbdisc.state.store import claimed
from support.users import ONLY_ROOT, WATCHERS

ONE = Rendered("one", (("a.map", "1"), ("sub/b.map", "1")))
TWO = Rendered("two", (("a.map", "2"), ("c.map", "2")))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "lb.cfg"


def install(config: Path, rendered: Rendered) -> None:
    with Installation(config, rendered) as new:
        new.install()
        new.keep()


def there(config: Path) -> dict[str, str]:
    """All files but the hidden ones, by their names in the folder."""
    found = [path for path in config.parent.rglob("*") if path.is_file()]
    names = {str(path.relative_to(config.parent)): path.read_text() for path in found}
    return {name: text for name, text in names.items() if not name.startswith(".")}


def test_all_files_are_installed_and_those_that_vanish_removed(config: Path) -> None:
    install(config, ONE)
    assert there(config) == {"lb.cfg": "one", "a.map": "1", "sub/b.map": "1"}
    install(config, TWO)
    assert there(config) == {"lb.cfg": "two", "a.map": "2", "c.map": "2"}
    assert not (config.parent / "sub").exists()
    assert held(config) == TWO


def test_nothing_is_left_when_no_further_file_is(config: Path) -> None:
    install(config, ONE)
    install(config, Rendered("three"))
    assert [path.name for path in config.parent.iterdir()] == ["lb.cfg"]


def test_what_was_not_kept_is_undone(config: Path) -> None:
    install(config, ONE)
    with Installation(config, TWO) as new:
        new.install()
        assert there(config) == {"lb.cfg": "two", "a.map": "2", "c.map": "2"}
    assert held(config) == ONE
    assert there(config) == {"lb.cfg": "one", "a.map": "1", "sub/b.map": "1"}


def test_a_crash_while_files_are_on_trial_is_healed(config: Path) -> None:
    install(config, ONE)
    Installation(config, TWO).__enter__().install()
    heal(config)
    assert held(config) == ONE
    assert there(config) == {"lb.cfg": "one", "a.map": "1", "sub/b.map": "1"}
    install(config, TWO)
    heal(config)
    assert held(config) == TWO


def test_who_writes_next_heals(config: Path) -> None:
    install(config, ONE)
    Installation(config, TWO).__enter__().install()
    with claimed(config):
        assert held(config) == ONE


def test_a_crash_at_the_first_contact_leaves_nothing(config: Path) -> None:
    Installation(config, ONE).__enter__().install()
    heal(config)
    assert there(config) == {}


@pytest.mark.parametrize("name", ["a.map", "sub/b.map"])
def test_a_file_that_others_wrote_is_named_and_stays(config: Path, name: str) -> None:
    other = config.parent / name
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    with (
        pytest.raises(ApplyError, match=rf"{other} is there and was not written by lbdisc"),
        Installation(config, ONE),
    ):
        pass
    assert there(config) == {name: "mine"}


def test_a_file_that_others_put_beside_ours_stays_when_ours_vanish(config: Path) -> None:
    install(config, ONE)
    (config.parent / "sub" / "mine").write_text("mine")
    install(config, TWO)
    assert there(config)["sub/mine"] == "mine"


@pytest.mark.parametrize("name", ["lb.cfg", "lb.cfg/x", "status.json"])
def test_a_name_that_lbdisc_uses_itself_is_refused(config: Path, name: str) -> None:
    with (
        pytest.raises(ApplyError, match=r"is lbdisc's own: give the file .* another name"),
        Installation(config, Rendered("text", ((name, ""),))),
    ):
        pass


def test_the_check_sees_the_new_files_and_whatever_else_is_there(config: Path) -> None:
    install(config, ONE)
    (config.parent / "others").write_text("here")
    folder = config.parent
    text = f"include '{folder}/c.map' {folder}/c.map.old {folder}/others {folder}/a.map\n"
    with Installation(config, Rendered(text, TWO.files)) as new:
        mirror = new.candidate.parent
        assert mirror != folder
        assert new.candidate.read_text() == (
            f"include '{mirror}/c.map' {folder}/c.map.old {folder}/others {mirror}/a.map\n"
        )
        assert (mirror / "c.map").read_text() == (mirror / "a.map").read_text() == "2"
        assert (mirror / "others").read_text() == "here"
        assert not (mirror / "sub" / "b.map").exists()
    assert held(config) == ONE


def test_a_refusal_speaks_of_the_files_as_they_will_be_called(config: Path) -> None:
    def refuse(candidate: Path) -> None:
        raise CheckError(f"{candidate}:3: no good, see {candidate.parent}/a.map")

    with Installation(config, ONE) as new, pytest.raises(CheckError) as raised:
        new.check(refuse)
    assert str(raised.value) == f"{config}:3: no good, see {config.parent}/a.map"


def test_nothing_is_left_of_what_was_not_installed(config: Path) -> None:
    with Installation(config, ONE):
        pass
    assert list(config.parent.iterdir()) == []


def test_only_the_owner_reads_what_is_kept_for_the_way_back(config: Path) -> None:
    install(config, ONE)
    assert (config.parent / ".lb.cfg.files").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 1}', '{"undo": 1}'])
def test_a_damaged_list_of_files_is_set_aside(tmp_path: Path, text: str) -> None:
    config = tmp_path / "lb.cfg"
    manifest = tmp_path / ".lb.cfg.files"
    manifest.write_text(text)
    heal(config)
    assert not manifest.exists()
    assert (tmp_path / ".lb.cfg.files.damaged").read_text() == text


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_new_files_are_for_the_owner_and_the_group(config: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        install(config, ONE)
    finally:
        os.umask(before)
    found = [config, config.parent / "a.map", config.parent / "sub" / "b.map"]
    assert [mode(path) for path in found] == [0o640] * 3


def test_a_file_that_is_there_keeps_its_mode_and_no_copy_has_a_wider_one(config: Path) -> None:
    install(config, ONE)
    config.chmod(0o600)
    with Installation(config, TWO) as new:
        staged = list(config.parent.glob(".lb.cfg*"))
        assert len(staged) == 3  # the main file, the folder of the others, and who is lbdisc's
        assert [path.name for path in staged if mode(path) & 0o077] == []
        new.install()
        new.keep()
    assert mode(config) == 0o600


@ONLY_ROOT
def test_a_file_that_is_there_keeps_its_group(config: Path) -> None:
    install(config, ONE)
    os.chown(config, -1, WATCHERS)
    install(config, TWO)
    assert (config.stat().st_gid, mode(config)) == (WATCHERS, 0o640)


def test_what_is_brought_back_is_not_wider(config: Path) -> None:
    install(config, ONE)
    with Installation(config, TWO) as new:
        new.install()
        (config.parent / "a.map").unlink()
    assert [mode(config), mode(config.parent / "a.map")] == [0o640] * 2
