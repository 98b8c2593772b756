"""Somebody sets the clock by an hour: what was to last for ten minutes does, and times are sane."""

import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from lbdisc.testing.waiting import eventually
from support.clocks import HOUR, SetClock
from support.scene import Scene
from support.steering import kill_agent, told

MINUTES = 600.0  # seconds that orders last here
NEAR = 90.0  # seconds that a busy machine may take for a test's commands


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Of all programs that the test starts, HAProxy and commands too."""
    made = SetClock(tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def scene(tmp_path: Path, clock: SetClock) -> Iterator[Scene]:
    with Scene(tmp_path) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        yield scene


def until_noticed(scene: Scene) -> None:
    log = scene.folder / "agent1.log"
    eventually(lambda: "the clock was set" in log.read_text(), what="a clock that was set")


def orders(scene: Scene) -> list[dict[str, Any]]:
    """What holds: who is overruled, and a pause."""
    status = scene.status
    return [*status["overruled"], *([status["paused"]] if status["paused"] else [])]


def left(one: dict[str, Any], ahead: int) -> float:
    """Seconds until it ends, by the clock of the scene."""
    return datetime.fromisoformat(one["until"]).timestamp() - time.time() - ahead


def sane(one: dict[str, Any], ahead: int) -> bool:
    """What was ordered for ten minutes not long ago still holds for about as long."""
    since = datetime.fromisoformat(one["since"]).timestamp()
    return MINUTES - NEAR < left(one, ahead) <= MINUTES and since <= time.time() + ahead


@pytest.mark.parametrize("ahead", [HOUR, -HOUR], ids=["forward", "backward"])
def test_ends_move_with_the_clock_and_all_that_is_shown_is_sane(
    scene: Scene, clock: SetClock, ahead: int
) -> None:
    told(scene, "weight", "nodes/s1", "7", "--for", "10m")
    eventually(lambda: "weight 7" in scene.config, what="the weight")
    told(scene, "pause", "--for", "10m")
    clock.set(ahead)
    until_noticed(scene)
    eventually(lambda: len(orders(scene)) == 2 and all(sane(o, ahead) for o in orders(scene)))
    assert "weight 7" in scene.config
    shown = told(scene, "status", code=4) + told(scene, "why", "nodes/s1")
    shown += told(scene, "history")
    assert not re.search(r" -\d", shown), shown


def test_an_end_comes_after_the_time_that_has_passed(scene: Scene, clock: SetClock) -> None:
    told(scene, "weight", "nodes/s1", "7", "--for", "8s")
    told(scene, "pause", "--for", "8s")
    clock.set(-HOUR)
    eventually(lambda: not orders(scene), deadline=60, what="the end of both")
    eventually(lambda: "weight 100" in scene.config, what="the weight of before")


@pytest.mark.parametrize("ahead", [HOUR, -HOUR], ids=["forward", "backward"])
def test_over_a_restart_the_time_that_has_passed_counts_as_well(
    scene: Scene, clock: SetClock, ahead: int
) -> None:
    told(scene, "weight", "nodes/s1", "7", "--for", "10m")
    told(scene, "drain", "nodes/s9", "--for", "8s")
    kill_agent(scene)
    clock.set(ahead)
    scene.agent()
    eventually(lambda: len(orders(scene)) == 1, deadline=60, what="the end of the short one")
    assert [sane(one, ahead) for one in orders(scene)] == [True]
    assert "weight 7" in scene.config
