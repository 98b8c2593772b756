"""What operators ordered outlives the agent, and only what is whole counts."""

import json
from pathlib import Path

import pytest

from lbdisc import Rendered
from lbdisc.agent.pinning import to_pin
from lbdisc.agent.steering_times import SteadyClock
from lbdisc.errors import LbdiscError
from lbdisc.notes import UnusableNote
from lbdisc.state.overruling import Override, Overrides, Term
from lbdisc.state.steered import PINNED, Pin, SteeredFile, SteeringState

TERM = Term(by="ana (1000)", since_s=100.0, why="deploy", for_s=60.0)
PIN = Pin(generation=7, rendered=Rendered("text\n", (("a.map", "x y\n"),)), term=TERM)
ALL = SteeringState(
    overrides=Overrides.of([Override(service="nodes", name="s1", how="drain", term=TERM)]),
    pause=TERM,
    pin=PIN,
)


@pytest.mark.parametrize("state", [SteeringState(), ALL])
def test_what_is_kept_is_read_as_it_was(tmp_path: Path, state: SteeringState) -> None:
    SteeredFile(tmp_path).save(state)
    assert SteeredFile(tmp_path).read() == state


def test_texts_that_are_pinned_no_more_go(tmp_path: Path) -> None:
    SteeredFile(tmp_path).save(ALL)
    assert (tmp_path / PINNED).stat().st_mode & 0o777 == 0o600
    SteeredFile(tmp_path).save(SteeringState())
    assert not (tmp_path / PINNED).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 2}', '{"schema": 1}', "[" * 10000])
def test_a_damaged_file_is_named_and_counts_for_nothing(tmp_path: Path, text: str) -> None:
    file = SteeredFile(tmp_path)
    file.path.write_text(text)
    with pytest.raises(UnusableNote, match=r"operator\.json is damaged"):
        file.read()


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"generation": "7"},
        {"text": None},
        {"files": {"../x": "y"}},
        {"files": {"x": 1}},
        {"digest": "0123"},
    ],
)
def test_texts_that_are_none_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    good = {"schema": 1, "generation": 7, "text": "x\n", "files": {}}
    (tmp_path / "texts.json").write_text(json.dumps(good))
    assert to_pin(tmp_path, "texts.json") == (7, Rendered("x\n"))
    (tmp_path / "texts.json").write_text(json.dumps({**good, **change}))
    with pytest.raises(LbdiscError, match=r"texts\.json"):
        to_pin(tmp_path, "texts.json")


@pytest.mark.parametrize("file", ["", ".", "..", "../texts.json", "/etc/passwd", "link.json"])
def test_only_a_file_of_the_state_folder_is_pinned(tmp_path: Path, file: str) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (tmp_path / "texts.json").write_text(json.dumps({"schema": 1, "generation": 7, "text": "x"}))
    (folder / "link.json").symlink_to(tmp_path / "texts.json")
    with pytest.raises(LbdiscError):
        to_pin(folder, file)


def test_a_clock_that_is_set_moves_what_has_an_end_and_is_told_once() -> None:
    steady, wall = [0.0], [1000.0]
    clock = SteadyClock(lambda: wall[0], lambda: steady[0])
    steady[0], wall[0] = 10.0, 1012.0
    assert (clock.look(), clock.now()) == (0.0, 1010.0)
    wall[0] = 5000.0
    assert (clock.look(), clock.look(), clock.now()) == (3990.0, 0.0, 5000.0)
    assert ALL.moved(3990.0).pause == Term(by=TERM.by, since_s=4090.0, why=TERM.why, for_s=60.0)


def kept_with(folder: Path, **clock: object) -> SteeringState:
    """As it is read, where the file says so of the clocks of when it was written."""
    file = SteeredFile(folder)
    file.save(ALL)
    found = json.loads(file.path.read_text())
    found["clock"] |= clock
    file.path.write_text(json.dumps(found))
    return file.read()


def test_a_clock_that_was_set_while_no_agent_ran_moves_what_has_an_end(tmp_path: Path) -> None:
    SteeredFile(tmp_path).save(ALL)
    ahead_s = json.loads(SteeredFile(tmp_path).path.read_text())["clock"]["ahead_s"]
    moved = kept_with(tmp_path, ahead_s=ahead_s - 3600.0)
    assert moved.pause is not None
    assert moved.pause.since_s == pytest.approx(TERM.since_s + 3600.0, abs=1.0)
    assert moved.pause.for_s == TERM.for_s
    assert kept_with(tmp_path, ahead_s=ahead_s - 1.0) == ALL  # a clock that is kept right


def test_of_another_start_of_the_machine_no_clock_is_known(tmp_path: Path) -> None:
    assert kept_with(tmp_path, boot="another", ahead_s=0.0) == ALL
    file = SteeredFile(tmp_path)
    found = json.loads(file.path.read_text())
    del found["clock"]  # as it was written before
    file.path.write_text(json.dumps(found))
    assert file.read() == ALL
