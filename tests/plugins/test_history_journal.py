"""The journal: bounded, readable at any moment, and whole but for what was being written."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from lbdisc import events
from lbdisc.errors import LbdiscError
from lbdisc.events.entries import endpoint_of, object_of
from lbdisc.observed import ServerHealth
from lbdisc.testing.waiting import eventually
from lbdisc_history.clock import JUMP, QUIET, BelievedClock
from lbdisc_history.lines import opened, sealed
from lbdisc_history.reading import JournalFolder
from lbdisc_history.servers import ServerChanges
from support.disk import Disk
from support.histories import MB, Told, filled, node, numbers, writer

WRITES = """
import sys
from pathlib import Path
from lbdisc_history.writing import JournalWriter
made = JournalWriter(Path(sys.argv[1]), most=1_000_000)
print("begun", flush=True)
for number in range(int(sys.argv[2])):
    made.append({"event": "news", "total": number, "pad": "x" * (number % 300)})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "history"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if not Disk.possible():
        pytest.skip("root is needed to mount a disk")
    (tmp_path / "disk").mkdir()
    made = Disk(tmp_path / "disk")
    yield made
    made.close()


def test_a_journal_cut_at_any_byte_has_all_before_it_and_goes_on(folder: Path) -> None:
    whole = filled(folder, 6).read_bytes()
    ends = [at + 1 for at, sign in enumerate(whole) if sign == ord("\n")]
    for size in range(ends[2], len(whole) + 1):
        torn = folder.parent / f"torn-{size}"
        torn.mkdir()
        (torn / "000000000001.ndjson").write_bytes(whole[:size])
        complete = sum(end <= size for end in ends)
        assert numbers(torn) == list(range(1, complete + 1))
        made = writer(torn)
        assert made.cut == size - ends[complete - 1]
        made.append({"event": "news"})
        made.close()
        assert numbers(torn) == list(range(1, complete + 2))
        shutil.rmtree(torn)


def test_a_line_with_any_byte_changed_is_known_as_damaged() -> None:
    line = sealed({"seq": 1, "event": "news", "total": 7})
    assert opened(line) == {"seq": 1, "event": "news", "total": 7}
    for at in range(len(line) - 1):
        assert opened(line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :]) is None


def test_a_damaged_line_is_passed_over_and_counted(folder: Path) -> None:
    file = filled(folder, 3)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + b"\0" * 40 + b"\n" + lines[2])
    journal = JournalFolder(folder)
    assert [e["seq"] for e in journal.forwards()] == [1, 3]
    assert journal.damaged == 1


def started(folder: Path, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITES, str(folder), str(count)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_it_is_read_while_another_process_writes(folder: Path) -> None:
    with started(folder, 4000) as process:
        while process.poll() is None:
            found, journal = numbers(folder), JournalFolder(folder)
            back = [entry["seq"] for _, entry in journal.backwards()]
            assert found == list(range(found[0], found[-1] + 1)) if found else True
            assert back == list(range(back[0], back[-1] - 1, -1)) if back else True
            assert journal.damaged == 0
    assert numbers(folder)[-1] == 4000


def test_a_killed_writer_leaves_nothing_but_whole_entries(folder: Path) -> None:
    with started(folder, 1_000_000_000) as process:
        eventually(lambda: len(numbers(folder)) > 100, deadline=30)
        process.send_signal(signal.SIGKILL)
    made = writer(folder)
    made.append({"event": "news"})
    made.close()
    found = numbers(folder)
    assert found == list(range(found[0], found[-1] + 1))


def test_it_takes_no_more_than_it_may_and_drops_the_oldest(folder: Path) -> None:
    told = Told(folder, max_mb=1)
    for number in range(1, 400):
        told.serve(node(number % 200 + 1), text=os.urandom(4000).hex())
        if number % 50 == 0:
            taken = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            assert taken < 1.1 * MB
    journal = told.close()
    kept = [e for e in journal.forwards() if e["event"] == "running"]
    assert 50 < len(kept) < 300
    assert [e["generation"] for e in kept] == list(range(kept[0]["generation"], 400))
    named = {digest for e in kept for digest in e["texts"].values()}
    named |= {e["served"] for e in kept if "served" in e}
    assert {path.name for path in (folder / "texts").iterdir()} == named


def test_what_is_too_old_goes_and_its_texts_too(folder: Path) -> None:
    told = Told(folder)
    told.serve(node(1))
    told.close()
    made = writer(folder)
    made.rotate()
    for file in folder.iterdir():
        os.utime(file, (1000, 1000))
    made.append({"event": "news"})
    made.prune(older_than=2000)
    made.close()
    assert len(numbers(folder)) == 1
    assert list((folder / "texts").iterdir()) == []


def test_texts_that_a_killed_writer_left_are_swept_at_the_next_start(folder: Path) -> None:
    made = writer(folder)
    digest = made.keep("nobody names it")
    (folder / "texts" / ".half").write_bytes(b"x")
    made.close()
    assert (folder / "texts" / digest).exists()
    writer(folder).close()
    assert list((folder / "texts").iterdir()) == []


def test_no_age_is_believed_within_an_hour_of_a_jump() -> None:
    clock = BelievedClock(1000.0, 0.0)
    assert not clock.is_steady(1010.0, 10.0)
    assert clock.is_steady(1000.0 + QUIET, QUIET)
    assert not clock.is_steady(1000.0 + QUIET + 2 * JUMP, QUIET + 1)
    assert clock.is_steady(1000.0 + 2 * QUIET + 2 * JUMP, 2 * QUIET + 1)


def test_order_is_by_number_whatever_the_clock_does(folder: Path) -> None:
    told = Told(folder)
    for unix_s in (5000.0, 90.0, 7000.0):
        told.tell(events.RegistryBack(endpoints=1, unix_s=unix_s))
    entries = list(told.close().forwards())
    assert [e["unix_s"] for e in entries][1:] == [5000.0, 90.0, 7000.0]
    assert [e["seq"] for e in entries] == [1, 2, 3, 4]


def test_a_full_disk_is_one_line_and_what_was_missed_is_counted(disk: Disk) -> None:
    told = Told(disk.folder / "history")
    disk.fill()
    with structlog.testing.capture_logs() as logs:
        for number in range(1, 40):
            told.now += 11
            told.serve(node(number), text=os.urandom(6000).hex())
        disk.writable()
        for number in range(3):
            told.now += 11
            told.serve(node(1), node(2, weight=number))
    assert [entry["event"] for entry in logs] == [
        "history not kept, trying again",
        "history kept again",
    ]
    assert logs[0]["error"] == "No space left on device"
    journal = told.close()
    entries = list(journal.forwards())
    missed = sum(e["missed"] for e in entries if e["event"] == "history missed")
    assert (
        1 + missed + sum(e["event"] in ("news", "running") for e in entries) == 1 + 2 * told.number
    )
    assert journal.damaged == 0
    found = journal.generation(told.number)
    assert journal.endpoints(found).endpoints == (node(1), node(2, weight=2))


def test_another_agent_in_the_same_folder_is_refused(folder: Path) -> None:
    first = writer(folder)
    with pytest.raises(LbdiscError, match=r"another agent keeps its history in .*history\.folder"):
        writer(folder)
    first.close()
    writer(folder).close()


def test_only_this_user_may_read_it(folder: Path) -> None:
    told = Told(folder)
    told.serve(node(1))
    told.close()
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_registrar_has_no_history(folder: Path) -> None:
    told = Told(folder, program="register")
    told.serve(node(1))
    told.close()
    assert not folder.exists()


def test_a_folder_that_was_cleared_is_written_anew(folder: Path) -> None:
    told = Told(folder)
    told.serve(node(1))
    shutil.rmtree(folder)
    told.serve(node(2))
    assert [e["generation"] for e in told.close().forwards() if e["event"] == "running"] == [2]


def test_a_failure_without_end_is_kept_ever_more_seldom(folder: Path) -> None:
    told = Told(folder)
    for times in range(1, 100):
        told.tell(
            events.ApplyFailed(
                generation=2, kind="ApplyError", error="x", retry_s=1, times=times, again=times > 1
            )
        )
    kept = [e["times"] for e in told.close().forwards() if e["event"] == "not applied"]
    assert kept == [1, 2, 4, 8, 16, 32, 64]


def test_all_endpoints_of_a_generation_are_known(folder: Path) -> None:
    told = Told(folder)
    for number in range(1, 30):
        told.serve(*(node(n, weight=number) for n in range(number // 2, number)))
    journal = told.close()
    for number in (2, 15, 29):
        found = journal.endpoints(journal.generation(number)).endpoints
        assert found == tuple(sorted(node(n, weight=number) for n in range(number // 2, number)))


def test_a_generation_that_is_not_kept_says_which_are(folder: Path) -> None:
    told = Told(folder)
    told.serve(node(1))
    told.serve(node(2))
    with pytest.raises(LbdiscError, match="generation 7 is not kept: 1 to 2 are"):
        told.close().generation(7)


def test_an_endpoint_comes_back_as_it_was() -> None:
    found = node(3, weight=0, state="draining", tags={"zone": "ä"})
    assert endpoint_of(object_of(found)) == found


def seen(*states: tuple[int, str, str]) -> events.ServersObserved:
    servers = [ServerHealth(node(n), state, why) for n, state, why in states]  # type: ignore[arg-type]
    return events.ServersObserved(servers=tuple(servers))


def test_servers_are_kept_as_changes_only() -> None:
    changes = ServerChanges()
    first = changes.entry(seen((1, "up", ""), (2, "down", "connection refused")))
    assert first is not None
    assert first["up"] == 1
    assert [server["name"] for server in first["changed"]] == ["web-2"]
    assert changes.entry(seen((1, "up", ""), (2, "down", "connection refused"))) is None
    then = changes.entry(seen((1, "down", "HTTP 503 to HEAD /"), (2, "up", "")))
    assert then is not None
    assert [(s["name"], s["was"], s["state"]) for s in then["changed"]] == [
        ("web-1", "up", "down"),
        ("web-2", "down", "up"),
    ]
    assert changes.entry(seen((1, "down", "HTTP 500 to HEAD /"), (2, "up", ""))) is not None


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Descriptors of journals that the disk was waited for."""
    found: list[int] = []
    monkeypatch.setattr(os, "fdatasync", found.append)
    return found


def test_the_disk_is_waited_for_once_a_second_at_most(folder: Path, waits: list[int]) -> None:
    told = Told(folder)
    before = len(waits)
    for _ in range(10):
        told.tell(events.RegistryBack(endpoints=1))
    assert len(waits) == before
    told.now += 1.0
    told.tell(events.RegistryBack(endpoints=1))
    assert len(waits) == before + 1


def test_what_came_last_is_on_the_disk_with_the_next_event_that_is_heard(
    folder: Path, waits: list[int]
) -> None:
    told = Told(folder)
    told.tell(events.RegistryBack(endpoints=1))
    before, told.now = len(waits), told.now + 1.0
    told.tell(events.FleetSeen(agents=()))  # which is not kept
    assert len(waits) == before + 1
    told.now += 1.0
    told.tell(events.FleetSeen(agents=()))
    assert len(waits) == before + 1  # nothing is new


def test_a_disk_that_cannot_be_waited_for_is_told_of_once_and_costs_no_entry(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", refuse)
    with structlog.testing.capture_logs() as logs:
        told = Told(folder)
        for _ in range(3):
            told.now += 1.0
            told.tell(events.RegistryBack(endpoints=1))
    assert [log["event"] for log in logs] == ["the history may not outlive a power loss"]
    told.close()
    assert numbers(folder) == [1, 2, 3, 4]
