"""A state folder is closed to others where it is ours, and refused where others may write it."""

import os
import stat
from collections.abc import Iterator

import pytest

from lbdisc.errors import LbdiscError, SettingsError
from lbdisc.state.store import Store, claimed
from support.users import ONLY_ROOT, STRANGER, WATCHERS, open_folder, ran_by


@pytest.fixture
def store() -> Iterator[Store]:
    with open_folder() as made:
        store = Store(made / "state")
        store.prepare()
        yield store


def mode(store: Store) -> int:
    return stat.S_IMODE(store.folder.stat().st_mode)


@pytest.mark.parametrize("wide", [0o755, 0o775, 0o777])
def test_a_folder_of_an_earlier_version_is_tightened(store: Store, wide: int) -> None:
    for name in ("agent.lock", "haproxy.cfg", ".haproxy.cfg.lock", "written.jsonl", "master.sock"):
        (store.folder / name).write_text("")
    store.folder.chmod(wide)
    store.secure()
    assert mode(store) == 0o750


def test_a_folder_with_files_of_others_kinds_keeps_its_mode(store: Store) -> None:
    (store.folder / "errors").mkdir()
    store.folder.chmod(0o755)
    store.secure()
    assert mode(store) == 0o755


@ONLY_ROOT
def test_a_folder_where_a_stranger_has_left_something_is_refused(store: Store) -> None:
    store.folder.chmod(0o777)
    ran_by(STRANGER, "import sys; open(sys.argv[1] + '/guard.json', 'w')", store.folder)
    with pytest.raises(SettingsError, match=r"state_dir .* may be written by all \(mode 777\)"):
        store.secure()


@ONLY_ROOT
def test_a_folder_of_a_stranger_is_refused_unless_it_is_trusted(store: Store) -> None:
    os.chown(store.folder, STRANGER, STRANGER)
    with pytest.raises(SettingsError, match=f"belongs to uid {STRANGER}, not to root: chown"):
        store.secure()
    store.secure([str(store.folder)])


def test_a_folder_of_the_output_that_all_may_write_is_refused(store: Store) -> None:
    store.folder.chmod(0o777)
    with (
        pytest.raises(SettingsError, match=r"output's folder .* may be written by all"),
        claimed(store.folder / "haproxy.cfg"),
    ):
        pass


ASKS = """
import sys, pathlib
from lbdisc.state.store import Store
from lbdisc.errors import LbdiscError
try: print(Store(pathlib.Path(sys.argv[1])).status())
except LbdiscError as error: print(error)
"""


@ONLY_ROOT
def test_the_group_may_read_and_others_are_told_who_may(store: Store) -> None:
    os.chown(store.folder, 0, WATCHERS)
    store.save_status({"a": 1})
    os.chown(store.status_file, 0, WATCHERS)
    assert ran_by(STRANGER, ASKS, store.folder, groups=(WATCHERS,)).stdout == "{'a': 1}\n"
    assert ran_by(STRANGER, ASKS, store.folder).stdout == (
        f"user uid {STRANGER} may not read state_dir {store.folder} (owner root, group gid "
        f"{WATCHERS}, mode 750): be root, or a member of group gid {WATCHERS}\n"
    )


def test_a_file_system_without_locks_is_one_line(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(LbdiscError, match=r"agent\.lock: No locks available; set a state_dir on a"):
        store.locked().__enter__()
