"""Files of lbdisc's own: through no link, and with the same modes under any umask."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc import atomic, notes, own_files
from lbdisc.agent.handwriting import Handwriting
from lbdisc.errors import LbdiscError
from lbdisc.state.heartbeat import Heartbeat
from lbdisc.state.store import Store
from lbdisc.values import Endpoint, Snapshot
from support.users import ONLY_ROOT, STRANGER

ONE = Snapshot.of([Endpoint(service="web", name="a", address="10.0.0.1", port=80)])
TWO = Snapshot.of([Endpoint(service="web", name="b", address="10.0.0.2", port=80)])


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    store = Store(tmp_path / "made" / "state")
    store.prepare()
    with store.locked():
        store.save_status({})
        store.save_guard({})
        store.save_snapshot(ONE)
        Handwriting(store.folder).will_write("text")
        notes.write(store.pace.path, "pace", 1, {})
        Heartbeat.now(turned_s=0, unwritten=None).write(store.heartbeat_file)
    assert mode(store.folder.parent) == 0o755
    assert mode(store.folder) == 0o750
    modes = {path.name: oct(mode(path)) for path in store.folder.iterdir()}
    assert modes.pop("agent.lock") == oct(0o600)
    assert modes.pop("heartbeat") == oct(0o644)
    assert set(modes.values()) == {oct(0o640)}


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A file of somebody else's: nothing may be read from it or written to it."""
    path = tmp_path / "victim"
    path.write_text("root:x:0:0\n")
    yield path
    assert path.read_text() == "root:x:0:0\n"


@pytest.fixture
def state(tmp_path: Path) -> Store:
    store = Store(tmp_path / "state")
    store.prepare()
    return store


def test_nothing_is_added_to_what_a_link_leads_to(state: Store, victim: Path) -> None:
    (state.folder / "written.jsonl").symlink_to(victim)
    with pytest.raises(OSError, match="it is a link"):
        Handwriting(state.folder).will_write("text")


def test_a_link_that_takes_the_snapshots_place_gets_no_changes(state: Store, victim: Path) -> None:
    state.save_snapshot(ONE)
    state.snapshot_file.unlink()
    state.snapshot_file.symlink_to(victim)
    with pytest.raises(OSError, match="it is a link"):
        state.save_snapshot(TWO)


def test_a_link_in_a_staged_notes_place_is_replaced(state: Store, victim: Path) -> None:
    note = state.folder / "pace.json"
    note.with_name(f".{note.name}.{os.getpid()}.tmp").symlink_to(victim)
    notes.write(note, "pace", 1, {"a": 1})
    assert (notes.read(note, "pace", 1) or {})["a"] == 1


def test_a_linked_lock_is_not_opened(state: Store, victim: Path) -> None:
    state.lock.symlink_to(victim)
    with pytest.raises(Exception, match=r"agent\.lock: it is a link"), state.locked():
        pass


def test_a_replaced_link_does_not_give_its_mode(tmp_path: Path, victim: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(victim)
    atomic.write(link, "text")
    assert (link.is_symlink(), mode(link)) == (False, 0o644)


def test_a_fifo_in_a_files_place_blocks_nobody(state: Store) -> None:
    os.mkfifo(state.guard_file)
    with pytest.raises(OSError, match="no regular file"):
        own_files.read(state.guard_file)


@ONLY_ROOT
def test_root_gives_nothing_away_through_a_link(state: Store, victim: Path) -> None:
    os.chown(state.folder, STRANGER, STRANGER)
    (state.folder / "written.jsonl").symlink_to(victim)
    with pytest.raises(LbdiscError, match="it is a link"):
        Handwriting(state.folder).adopt("text", frozenset())
    assert victim.stat().st_uid == 0


@ONLY_ROOT
def test_what_root_adopts_belongs_to_the_folders_owner(state: Store) -> None:
    os.chown(state.folder, STRANGER, STRANGER)
    Handwriting(state.folder).adopt("text", frozenset())
    assert (state.folder / "written.jsonl").stat().st_uid == STRANGER
