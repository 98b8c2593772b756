"""Operators overrule the registry on one load balancer: real HAProxy, real agent, real commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from support.scene import Scene
from support.steering import judged, kill_agent, told, until


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path) as scene:
        scene.join("s1", "s2")
        scene.agent()
        scene.until_up("s1", "s2")
        yield scene


def drained(scene: Scene) -> bool:
    return "weight 0" in next(line for line in scene.config.splitlines() if "server s1 " in line)


def test_a_drain_outlives_registration_sighup_and_a_killed_agent_until_it_is_undone(
    scene: Scene,
) -> None:
    said = told(scene, "drain", "nodes/s1", "--why", "replacing disk")
    assert said.startswith("nodes/s1 drains here")
    eventually(lambda: drained(scene), what="s1 at weight 0")
    port = int(scene.apps["s1"].command[-1])
    scene.list("s1", port, weight=50)
    scene.hup()
    kill_agent(scene)
    scene.agent()
    eventually(lambda: drained(scene), what="s1 still at weight 0")
    found = judged(scene, 0)["overruled"]
    assert [(one["name"], one["how"], one["why"]) for one in found] == [
        ("s1", "drain", "replacing disk")
    ]
    assert "s1 drained here by" in told(scene, "status")
    told(scene, "undo", "nodes/s1")
    eventually(lambda: not drained(scene), what="s1 as registered")
    assert judged(scene, 0)["overruled"] == []


def test_who_is_disabled_is_left_out_and_the_last_ready_server_is_said(scene: Scene) -> None:
    told(scene, "disable", "nodes/s1")
    until(scene, "s1", "")
    assert "nodes has no server left here" in told(scene, "disable", "nodes/s2")
    until(scene, "s2", "")
    told(scene, "undo", "--all")
    scene.until_up("s1", "s2")


def test_a_weight_ends_by_itself(scene: Scene) -> None:
    told(scene, "weight", "nodes/s1", "7", "--for", "3s")
    eventually(lambda: "weight 7" in scene.config, what="the weight")
    eventually(lambda: "weight 7" not in scene.config, what="its end")
    assert judged(scene, 0)["overruled"] == []


def test_who_is_not_listed_is_kept_in_mind(scene: Scene) -> None:
    assert "not listed" in told(scene, "disable", "nodes/s3")
    assert "s3 disabled here" in told(scene, "status")
    assert "(not listed)" in told(scene, "status")
    scene.join("s3", "s4")
    scene.until_up("s1", "s2", "s4")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("drain", "nodes/s1", "--for", "soon"), "no time 'soon'"),
        (("drain", "s1"), "give SERVICE/NAME"),
        (("undo",), "give SERVICE/NAME, or --all"),
        (("pause", "--for", "0s"), "from 1s to 366d"),
    ],
)
def test_bad_words_are_one_line(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    with Scene(tmp_path) as scene:
        said = told(scene, *words, code=2)
        assert says in said
        assert said.count("\n") == 1


def test_without_an_agent_there_is_nobody_to_ask(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        assert "no agent answers in state_dir" in told(scene, "pause", code=1)


def test_who_leaves_and_comes_back_is_still_overruled(scene: Scene) -> None:
    port = int(scene.apps["s1"].command[-1])
    told(scene, "drain", "nodes/s1")
    eventually(lambda: drained(scene), what="s1 at weight 0")
    scene.unlist("s1")
    until(scene, "s1", "")
    assert "(not listed)" in told(scene, "status")
    scene.list("s1", port)
    eventually(lambda: "server s1 " in scene.config and drained(scene), what="s1 back at weight 0")
    assert "(not listed)" not in told(scene, "status")


def test_a_word_about_who_never_comes_ends_in_its_time(scene: Scene) -> None:
    told(scene, "disable", "nodes/ghost", "--for", "2s")
    eventually(lambda: judged(scene, 0)["overruled"] == [], what="its end")
    assert "nodes/ghost is not overruled here" in told(scene, "undo", "nodes/ghost", code=1)
