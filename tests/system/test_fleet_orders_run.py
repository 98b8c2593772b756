"""`--fleet`: one order, all balancers; real agents and HAProxys around real registries."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lbdisc.fleet import Digest
from lbdisc.fleet_orders import FleetOrder, tags
from lbdisc.handshake import Announcement
from lbdisc.records import write
from lbdisc.testing.waiting import eventually
from support.fleets import Pair, logged, pair, until_weight
from support.scene import Scene
from support.steering import judged, kill_agent, told, until

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(params=["file", "etcd"])
def both(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    with pair(tmp_path, request.param) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Pair]:
    with pair(tmp_path, "file") as found:
        yield found


def overruled(scene: Scene) -> list[tuple[str, str]]:
    """Who is, and by whom."""
    return [(one["name"], one["by"]) for one in scene.status["overruled"]]


def ordered(scene: Scene, *words: str, code: int = 0) -> Any:
    return json.loads(told(scene, *words, "--fleet", "--json", code=code))


def test_a_drain_is_taken_by_all_and_outlives_whoever_gave_it(both: Pair) -> None:
    first, second = both.first, both.second
    said = told(first, "drain", "nodes/s1", "--why", "its disk", "--fleet")
    assert said.splitlines()[1:] == ["lb2: taken"]
    for scene in (first, second):
        until_weight(scene, "s1", 0)
    kill_agent(first)
    kill_agent(second)
    second.agent()
    until_weight(second, "s1", 0)
    ((name, by),) = overruled(second)
    assert (name, re.sub(r"^\w+ \(\d+\)", "me", by)) == ("s1", "me at lb1, fleet")
    assert "s1 drained here by" in told(second, "status")
    (line,) = logged(second, "fleet order taken")
    assert (line["agent"], line["why"], line["what"]) == ("lb1", "its disk", "nodes/s1")


def test_an_undo_at_another_balancer_ends_it_everywhere(both: Pair) -> None:
    first, second = both.first, both.second
    said = ordered(first, "disable", "nodes/s1")
    assert said.keys() == {"schema", "done", "text", "order", "agents"}
    assert said["agents"] == [{"agent": "lb2", "answer": "taken", "why": ""}]
    until(first, "s1", "")
    until(second, "s1", "")
    assert ordered(second, "undo", "nodes/s1", "--why", "mended")["agents"][0]["answer"] == "taken"
    for scene in (first, second):
        scene.until_up("s1", "s2")
        assert judged(scene, 0)["overruled"] == []
    assert logged(first, "overruled no more")[0]["by"].endswith(" at lb2, fleet")


def test_an_agent_that_was_away_hears_of_all_of_it_later(both: Pair) -> None:
    first, second = both.first, both.second
    os.kill(second.status["pid"], signal.SIGSTOP)
    said = told(first, "drain", "nodes/s1", "--for", "1h", "--fleet", code=1)
    assert "lb2: no answer within 5 s: it hears of it if it is back within 10 min" in said
    kill_agent(second)
    second.agent()
    until_weight(second, "s1", 0)
    (found,) = second.status["overruled"]
    assert found["until"] is not None


def test_what_was_undone_on_one_balancer_stays_undone_there(folder: Pair) -> None:
    first, second = folder.first, folder.second
    told(first, "weight", "nodes/s1", "7", "--fleet")
    eventually(lambda: overruled(second), what="the order")
    told(second, "undo", "nodes/s1")
    kill_agent(second)
    second.agent()
    eventually(lambda: second.status["announced"], what="announced")
    assert (overruled(second), len(overruled(first))) == ([], 1)


def test_a_pause_and_its_end_reach_all(folder: Pair) -> None:
    first, second = folder.first, folder.second
    told(first, "pause", "--why", "deploy", "--for", "1h", "--fleet")
    assert judged(second, 4)["paused"]["why"] == "deploy"
    told(second, "resume", "--fleet")
    assert judged(first, 0)["paused"] is None


def test_where_it_is_off_the_order_is_refused_and_logged(folder: Pair) -> None:
    first, second = folder.first, folder.second
    second.write_settings(**folder.tables("lb2", fleet_orders=False))
    second.hup()
    eventually(lambda: logged(second, "settings re-read"), what="the other settings")
    said = told(first, "disable", "nodes/s1", "--fleet", code=1)
    assert "lb2: refused: agent.fleet_orders is off there" in said
    eventually(lambda: logged(second, "fleet order refused"), what="the refusal")
    assert overruled(second) == []
    assert "agent.fleet_orders is off here" in told(second, "pause", "--fleet", code=1)
    assert second.status["paused"] is None


def test_a_hostile_order_is_named_and_harms_nobody(both: Pair) -> None:
    said = Digest(listed="abcde", settings="abcde", version="1", since=1_800_000_000)
    order = FleetOrder(id="abcdef", turn=1, ask="disable", what="nodes/s1", by="\x1b[2J")
    word = Announcement(name="lb9", services=("nodes",), digest=said)
    good = tags(takes=True, orders=[order])
    bad = (*good, ("o.xxxxxx", '[9,"format","nodes/s2"]'), ("o.yyyyyy", "[" * 500), ("a", "x" * 99))
    stolen = Announcement(name="lb8", services=("nodes",), digest=said, wheel=good)
    both.write("_agents/lb9", write(replace(word, wheel=bad).endpoint("10.0.0.9")))
    both.write("_agents/lb7", write(stolen.endpoint("10.0.0.9")))
    for scene in (both.first, both.second):
        until(scene, "s1", "")
        eventually(partial(_has_two, scene), what="two problems")
        assert overruled(scene)[0][1] == "\\x1b[2J at lb9, fleet"
    assert told(both.first, "undo", "--all", "--fleet", code=1).startswith("as the registry says")
    both.second.until_up("s1", "s2")


def _has_two(scene: Scene) -> bool:
    problems = scene.status["problems"]
    return len([p for p in problems if p["where"].startswith("_agents/")]) == 2


def test_who_is_alone_says_so_and_who_shares_no_registry_is_no_fleet(tmp_path: Path) -> None:
    with ExitStack() as stack:
        alone = Pair(tmp_path, "file", stack).first
        alone.agent()
        eventually(lambda: alone.status["announced"], what="announced")
        said = told(alone, "drain", "nodes/s1", "--fleet")
        assert said.splitlines()[1:] == ["no other agent in the fleet"]
