"""What outlives an agent: the pace of its reloads, and the snapshot that it kept."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lbdisc import Endpoint, Snapshot
from lbdisc.agent.legacy import Legacy
from lbdisc.agent.pace import Pace
from lbdisc.backoff import Backoff
from lbdisc.boot import since_boot, started
from lbdisc.settings.tables import AgentSettings
from lbdisc.state.store import Store

NOW = 1000.0  # of the agent's own clock
NODES = Snapshot.of(
    Endpoint(service="nodes", name=f"s{number}", address="10.0.0.1", port=number)
    for number in (1, 2, 3)
)


class Heir:
    """An agent's pace in `folder`, which begins at NOW of a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.pace = Pace(AgentSettings(quiet=0, min_reload_interval=60))
        self.backoff = Backoff(0.2, 60, random=lambda: 1.0)
        self.legacy = Legacy(self.store, self.pace, (self.backoff,), lambda: NOW)
        self.unusable = self.legacy.resume()
        self.pace.changed(NOW)


def test_the_least_distance_of_reloads_goes_on_in_the_next_agent(tmp_path: Path) -> None:
    before = Heir(tmp_path)
    assert before.pace.due == NOW
    before.legacy.reloaded()
    before.legacy.save()
    assert Heir(tmp_path).pace.due == pytest.approx(NOW + 60, abs=10)


def test_a_reload_of_before_the_machine_started_counts_for_nothing(tmp_path: Path) -> None:
    before = Heir(tmp_path)
    before.legacy.reloaded()
    before.legacy.save()
    changed(before.store.pace.path, boot="another")
    heir = Heir(tmp_path)
    assert heir.pace.due == NOW
    assert "of another machine, or of before its last start" in heir.unusable[0].error


def test_a_reload_in_the_future_is_one_of_now(tmp_path: Path) -> None:
    before = Heir(tmp_path)
    before.legacy.reloaded()
    before.legacy.save()
    changed(before.store.pace.path, reloaded=since_boot() + 1e9)
    assert Heir(tmp_path).pace.due == NOW + 60


def test_what_failed_has_to_wait_in_the_next_agent_too(tmp_path: Path) -> None:
    before = Heir(tmp_path)
    before.legacy.failed("digest", 30)
    before.legacy.save()
    heir = Heir(tmp_path)
    heir.legacy.hold_off("digest")
    assert heir.pace.due == pytest.approx(NOW + 30, abs=10)
    assert heir.backoff.next() == 60  # it goes on where the other was


def test_what_was_mended_need_not_wait(tmp_path: Path) -> None:
    before = Heir(tmp_path)
    before.legacy.failed("digest", 30)
    before.legacy.save()
    heir = Heir(tmp_path)
    heir.legacy.hold_off("another")
    assert heir.pace.due == NOW


def changed(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_a_snapshot_is_read_as_it_was_kept(tmp_path: Path) -> None:
    Store(tmp_path).save_snapshot(NODES)
    assert Store(tmp_path).last_snapshot() == NODES


def test_a_last_line_cut_short_by_a_crash_is_passed_over(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save_snapshot(NODES)
    with store.snapshot_file.open("a") as file:
        file.write('["nodes","s1",nu')
    assert store.last_snapshot() == NODES
    assert store.unusable == {}


def lines(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    return lambda text: "".join(change(text.splitlines(keepends=True)))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: "", "has no header"),
        (lambda text: text.replace('"version": 2', '"version": 1'), "of version 1 instead of 2"),
        (lambda text: text.replace('"version": 2', '"version": 3'), "of version 3 instead of 2"),
        (lambda text: '{"snapshot": 1}\n', "of version None instead of 2"),
        (lines(lambda all_: all_[:-1]), "cut short: 2 of 3 endpoints"),
        (lines(lambda all_: [all_[0], "{\n", *all_[2:]]), "is damaged"),
        (lines(lambda all_: [all_[0], "[1, 2]\n", *all_[2:]]), "is damaged"),
        (lambda text: "\0" * len(text), "has no header"),
    ],
)
def test_a_snapshot_that_does_not_hold_is_none_and_said(
    tmp_path: Path, change: Callable[[str], str], why: str
) -> None:
    store = Store(tmp_path)
    store.save_snapshot(NODES)
    store.snapshot_file.write_text(change(store.snapshot_file.read_text()))
    assert store.last_snapshot() is None
    assert why in store.unusable[store.snapshot_file]


def test_a_snapshot_of_another_machine_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lbdisc.state.snapshots.machine", lambda: "here")
    store = Store(tmp_path)
    store.save_snapshot(NODES)
    monkeypatch.setattr("lbdisc.state.snapshots.machine", lambda: "there")
    assert store.last_snapshot() is None
    assert "of another machine" in store.unusable[store.snapshot_file]


def test_a_process_that_is_not_there_has_no_start() -> None:
    assert started(2**30) == 0
