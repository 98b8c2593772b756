"""`lbdisc plan` and `lbdisc render --diff`: what a change would cost, while nothing is done."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc import Endpoint, Snapshot
from lbdisc.state.store import Store
from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from support.scene import Scene

RELOAD_NEEDED = 3


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Its HAProxy has s1, as the registry does."""
    with Scene(tmp_path) as made:
        made.list("s1", 3001)
        assert made.lbdisc("run", "--once", name="once").wait() == 0
        yield made


def said(process: Process, code: int) -> str:
    assert process.wait() == code, process.log_tail()
    return process.log.read_text()


def test_without_a_change_there_is_nothing_to_do(scene: Scene) -> None:
    assert said(scene.lbdisc("plan"), 0) == "nothing: nothing changes\n"


def test_where_no_haproxy_runs_it_would_be_started(scene: Scene) -> None:
    scene.end_haproxy()
    eventually(lambda: scene.haproxy_pid() == 0)
    assert said(scene.lbdisc("plan"), RELOAD_NEEDED).startswith("start: no HAProxy answers at ")


def test_a_server_more_is_shown_as_its_commands(scene: Scene) -> None:
    before = scene.config
    scene.list("s2", 3002)
    how, *commands = said(scene.lbdisc("plan"), 0).splitlines()
    assert how == "runtime: 3 runtime commands for 1 servers"
    assert commands[0].startswith("  add server nodes/s2 127.0.0.1:3002 inter 1s ")
    assert commands[1:] == ["  enable health nodes/s2", "  enable server nodes/s2"]
    assert scene.config == before


def test_a_reload_is_told_with_its_reason_and_exit_code(scene: Scene) -> None:
    scene.write_settings(vars={"balance": "leastconn"})
    text = said(scene.lbdisc("plan"), RELOAD_NEEDED)
    assert text.startswith("reload: line ")
    assert "changed: 'balance leastconn'" in text


def test_runtime_off_makes_every_change_a_reload(scene: Scene) -> None:
    scene.list("s2", 3002)
    scene.write_settings(haproxy={"runtime": False})
    assert said(scene.lbdisc("plan"), RELOAD_NEEDED) == "reload: haproxy.runtime is off\n"


def test_json_has_the_same_for_programs(scene: Scene) -> None:
    scene.list("s2", 3002)
    found = json.loads(said(scene.lbdisc("plan", "--json"), 0))
    assert found["how"] == "runtime"
    assert found["commands"][1:] == ["enable health nodes/s2", "enable server nodes/s2"]
    assert found["refused"] is None


def test_a_diff_ends_with_the_plan(scene: Scene) -> None:
    scene.list("s2", 3002)
    text = said(scene.lbdisc("render", "--diff"), 0)
    assert "+    server s2 127.0.0.1:3002 check" in text
    assert "runtime: 3 runtime commands for 1 servers\n" in text


def test_a_diff_that_needs_a_reload_says_why_and_exits_so(scene: Scene) -> None:
    scene.write_settings(vars={"balance": "leastconn"})
    text = said(scene.lbdisc("render", "--diff"), RELOAD_NEEDED)
    assert "+    balance leastconn" in text
    assert "reload: line " in text


def test_a_diff_of_nothing_is_empty(scene: Scene) -> None:
    assert said(scene.lbdisc("render", "--diff"), 0) == "nothing: nothing changes\n"


def test_with_the_registry_away_the_last_state_is_planned_and_that_is_said(scene: Scene) -> None:
    scene.list("s2", 3002)
    Store(scene.state).save_snapshot(
        Snapshot.of(
            Endpoint(service="nodes", name=name, address="127.0.0.1", port=port)
            for name, port in (("s1", 3001), ("s2", 3002))
        )
    )
    scene.nodes.rename(scene.folder / "away")
    text = said(scene.lbdisc("plan"), 0)
    assert "runtime: 3 runtime commands for 1 servers\n" in text
    assert "by the last known state, 2 endpoints kept at 20" in text
    assert "server s2 127.0.0.1:3002" in said(scene.lbdisc("render"), 0)


def test_with_the_registry_away_and_nothing_known_nothing_is_planned(scene: Scene) -> None:
    scene.nodes.rename(scene.folder / "away")
    (scene.state / "snapshot.jsonl").unlink()
    assert str(scene.nodes) in said(scene.lbdisc("plan"), 2)
