"""The registrar of the folder of nodes: one file, one owner."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from lbdisc.builtin.file.registrar import FileRegistrar
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.errors import RegistrarError, WriteRefused
from lbdisc.register.holding import End
from lbdisc.testing import Holding, eventually
from lbdisc.values import Endpoint
from support.disk import Disk

ENDPOINT = Endpoint(service="web", name="s1", address="10.0.0.7", port=80)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "web" / "s1.json"


def registrar(file: Path, ttl: float = 10.0) -> FileRegistrar:
    return FileRegistrar(FileSettings(dir=file.parent.parent, ttl=ttl))


def test_the_file_holds_the_record_its_ttl_and_its_owner(file: Path) -> None:
    with Holding(registrar(file), ENDPOINT):
        eventually(file.exists)
        record = json.loads(file.read_text())
    assert record.pop("owner")
    assert record == {
        "address": "10.0.0.7",
        "port": 80,
        "weight": 100,
        "state": "ready",
        "tags": {},
        "ttl": 10.0,
    }
    assert list(file.parent.iterdir()) == []


def test_the_lease_is_renewed_in_place(file: Path) -> None:
    with Holding(registrar(file, ttl=0.6), ENDPOINT):
        eventually(file.exists)
        first = file.stat()
        renewed = eventually(lambda: file.stat() if file.stat().st_mtime > first.st_mtime else None)
        assert renewed is not None
        assert renewed.st_ino == first.st_ino


def test_a_file_dated_by_a_clock_that_was_set_back_is_renewed(file: Path) -> None:
    with Holding(registrar(file), ENDPOINT):
        eventually(file.exists)
        os.utime(file, (time.time() + 9000, time.time() + 9000))
        eventually(lambda: file.stat().st_mtime < time.time() + 100)


@pytest.mark.parametrize("rubbish", ["", "{half", '{"address": 7}'])
def test_rubbish_in_the_file_is_overwritten(file: Path, rubbish: str) -> None:
    with Holding(registrar(file), ENDPOINT):
        eventually(file.exists)
        good = file.read_text()
        file.write_text(rubbish)
        eventually(lambda: file.read_text() == good)


def test_a_removed_file_is_written_again(file: Path) -> None:
    with Holding(registrar(file), ENDPOINT):
        eventually(file.exists)
        file.unlink()
        eventually(file.exists)


def test_a_file_written_by_hand_is_never_overwritten(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('{"address": "10.0.0.9", "port": 81}')
    with Holding(registrar(file), ENDPOINT) as holding:
        rival = eventually(lambda: holding.rival)
    assert rival == f"{file}, written by hand: remove it"
    assert json.loads(file.read_text())["port"] == 81


def test_the_second_of_a_name_takes_over_after_the_first(file: Path) -> None:
    with Holding(registrar(file, ttl=0.5), ENDPOINT) as first:
        eventually(file.exists)
        owner = json.loads(file.read_text())["owner"]
        with Holding(registrar(file, ttl=0.5), ENDPOINT) as second:
            assert eventually(lambda: second.rival) == f"{file}, owner {owner}"
            first.stop()
            second.held(deadline=30)


def test_an_expired_file_is_taken_over(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('{"address": "10.0.0.9", "port": 81, "ttl": 0.5, "owner": "dead"}')
    os.utime(file, (time.time() + 3600, time.time() + 3600))
    with Holding(registrar(file), ENDPOINT):
        eventually(lambda: json.loads(file.read_text())["port"] == 80)


def test_what_another_took_over_is_not_removed(file: Path) -> None:
    with Holding(registrar(file), ENDPOINT):
        eventually(file.exists)
        other = '{"address": "10.0.0.9", "port": 81, "ttl": 10, "owner": "other"}'
        staged = file.with_name(".staged")
        staged.write_text(other)
        staged.replace(file)
    assert file.read_text() == other


def put(settings: FileSettings) -> None:
    with FileRegistrar(settings).open(ENDPOINT, Event()) as entry:
        entry.put(ENDPOINT)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegistrarError, match=r"file\.dir: .*nowhere is no folder"):
        put(FileSettings(dir=tmp_path / "nowhere"))


def test_a_folder_that_cannot_be_written_is_named() -> None:
    with pytest.raises(RegistrarError, match=r"file\.dir: cannot write /sys/web/s1\.json: "):
        put(FileSettings(dir=Path("/sys")))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if not Disk.possible():
        pytest.skip("only root may mount a disk")
    made = Disk(tmp_path)
    yield made
    made.close()


def test_a_full_disk_takes_no_draining_state_and_lets_the_file_go(file: Path, disk: Disk) -> None:
    with Holding(registrar(file), ENDPOINT) as holding:
        holding.held(deadline=30)
        disk.fill()
        holding.change(state="draining")
        assert isinstance(holding.failed(deadline=30), WriteRefused)
    assert holding.end == End(held=True)
    assert not file.exists()


def test_what_a_read_only_disk_keeps_is_told_with_its_time(file: Path, disk: Disk) -> None:
    with Holding(registrar(file, ttl=7.0), ENDPOINT) as holding:
        holding.held(deadline=30)
        disk.read_only()
    assert holding.end is not None
    assert isinstance(holding.end.error, WriteRefused)
    assert (holding.end.held, holding.end.expires_s) == (True, 7.0)
