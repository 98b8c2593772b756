"""What the kernel tells of folders: at once for whole files, and never a busy wait."""

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from lbdisc.notices import Notices
from lbdisc.stopping import StopEvent, when_set

LONG = 20.0  # seconds; only a hang takes so long


@pytest.fixture
def stop() -> StopEvent:
    return StopEvent()


@pytest.fixture
def notices(tmp_path: Path, stop: StopEvent) -> Iterator[Notices]:
    with Notices([tmp_path], stop, lambda name: name.startswith(".")) as notices:
        yield notices


def test_a_renamed_file_is_told_without_its_hidden_name(tmp_path: Path, notices: Notices) -> None:
    (tmp_path / ".s1").write_text("whole")
    (tmp_path / ".s1").rename(tmp_path / "s1")
    assert notices.wait(LONG) == {tmp_path / "s1"}


@pytest.mark.parametrize("change", ["touch", "remove", "link", "away"])
def test_each_kind_of_change_is_told(tmp_path: Path, stop: StopEvent, change: str) -> None:
    path = tmp_path / "s1"
    path.write_text("there before")
    with Notices([tmp_path], stop) as notices:
        match change:
            case "touch":
                os.utime(path)
            case "remove":
                path.unlink()
            case "link":
                os.link(path, tmp_path / "s2")
            case "away":
                path.rename(tmp_path.parent / "elsewhere")
        told = notices.wait(LONG)
    assert told is not None
    assert {"link": tmp_path / "s2"}.get(change, path) in told


def test_a_file_that_is_still_written_is_waited_for(tmp_path: Path, notices: Notices) -> None:
    with (tmp_path / "s1").open("w") as file:
        file.write("half")
        file.flush()
        file.write("whole")
    assert notices.wait(LONG) == {tmp_path / "s1"}
    assert notices.wait(0.0) == set()


def test_a_file_that_nobody_closes_is_told_too(tmp_path: Path, notices: Notices) -> None:
    with (tmp_path / "s1").open("w") as file:
        file.write("as it is")
        file.flush()
        assert notices.wait(LONG) == {tmp_path / "s1"}


def test_a_burst_is_gathered(tmp_path: Path, notices: Notices) -> None:
    wanted = {tmp_path / f"s{number}" for number in range(50)}
    for path in wanted:
        path.touch()
    told: set[Path] = set()
    turns = 0
    while told != wanted:
        told |= notices.wait(LONG) or set()
        turns += 1
    assert turns < 10


def test_a_folder_that_is_replaced_is_told(tmp_path: Path, stop: StopEvent) -> None:
    folder = tmp_path / "nodes"
    folder.mkdir()
    with Notices([folder], stop) as notices:
        folder.rename(tmp_path / "old")
        told = notices.wait(LONG)
    assert told is not None
    assert folder in told


def test_news_that_the_kernel_lost_needs_a_look(tmp_path: Path, notices: Notices) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for number in range(most // 2 + 100):  # made, and closed
        (tmp_path / f"s{number}").touch()
    assert notices.wait(LONG) is None


@pytest.mark.parametrize("event", [Event, StopEvent])
def test_a_wait_ends_when_told_to_stop(tmp_path: Path, event: type[Event]) -> None:
    stop = event()
    with Notices([tmp_path], stop) as notices:
        waiting = Thread(target=notices.wait, args=(10 * LONG,), daemon=True)
        waiting.start()
        stop.set()
        waiting.join(LONG)
        assert not waiting.is_alive()


def test_at_its_limits_the_kernel_is_not_needed(
    tmp_path: Path, stop: StopEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("lbdisc.notices.INotify", full)
    with Notices([tmp_path], stop) as notices:
        assert notices.wait(0.01) is None


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, stop: StopEvent) -> None:
    with pytest.raises(FileNotFoundError):
        Notices([tmp_path / "gone"], stop)


def test_waiting_costs_no_processor_time(notices: Notices) -> None:
    before = time.thread_time()
    assert notices.wait(1.0) == set()
    assert time.thread_time() - before < 0.05


@pytest.mark.parametrize("event", [Event, StopEvent])
def test_who_waits_for_the_end_is_called(event: type[Event]) -> None:
    stop, called = event(), Event()
    with when_set(stop, called.set):
        assert not called.is_set()
        stop.set()
        assert called.wait(LONG)


def test_who_comes_late_is_called_at_once(stop: StopEvent) -> None:
    called = Event()
    stop.set()
    with when_set(stop, called.set):
        assert called.is_set()


def test_who_left_is_not_called(stop: StopEvent) -> None:
    called = Event()
    with when_set(stop, called.set):
        pass
    stop.set()
    assert not called.is_set()
