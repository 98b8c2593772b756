"""A paused agent follows and applies nothing, a pinned generation stays: real HAProxy and agent."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.orders import OrderReply, order
from lbdisc.testing.waiting import eventually
from support.scene import Scene
from support.steering import acknowledged, judged, kill_agent, told


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path) as scene:
        scene.join("s1", "s2")
        scene.agent()
        scene.until_up("s1", "s2")
        yield scene


def until_waits(scene: Scene, *changes: str) -> None:
    eventually(
        lambda: set(scene.status["paused"]["waits"]["changes"]) == set(changes),
        what=f"{changes} that wait",
    )


def pin(scene: Scene, text: str, number: int = 1) -> OrderReply:
    """What the agent says to a pin of that text."""
    document = {"schema": 1, "generation": number, "text": text, "files": {}}
    (scene.state / "rollback.json").write_text(json.dumps(document))
    return order(scene.state, "pin", what=str(number), file="rollback.json", why="it worked then")


def test_what_comes_while_paused_is_served_after_resume(scene: Scene) -> None:
    told(scene, "pause", "--why", "deploy")
    before = scene.config
    scene.join("s3")
    until_waits(scene, "+nodes/s3")
    found = judged(scene, 4)
    assert ": deploy; 1 change waits: +nodes/s3" in found["summary"]
    assert found["paused"]["waits"]["how"] == "runtime"
    assert scene.config == before
    assert set(scene.servers()) == {"s1", "s2"}
    told(scene, "resume")
    scene.until_up("s1", "s2", "s3")
    eventually(lambda: scene.status["in_step"], what="in step")
    assert judged(scene, 0)["paused"] is None


def test_an_agent_that_restarts_paused_takes_over_what_runs_and_applies_nothing(
    scene: Scene,
) -> None:
    told(scene, "pause")
    haproxy, before = scene.worker(), scene.config
    scene.join("s3")
    until_waits(scene, "+nodes/s3")
    kill_agent(scene)
    scene.agent()
    until_waits(scene, "+nodes/s3")
    assert (scene.worker(), scene.config) == (haproxy, before)
    assert set(scene.servers()) == {"s1", "s2"}
    told(scene, "resume")
    scene.until_up("s1", "s2", "s3")
    assert scene.worker() == haproxy


def test_a_haproxy_that_dies_while_paused_runs_again_as_before(scene: Scene) -> None:
    told(scene, "pause")
    scene.join("s3")
    until_waits(scene, "+nodes/s3")
    os.kill(scene.haproxy_pid(), signal.SIGKILL)
    scene.until_up("s1", "s2")
    until_waits(scene, "+nodes/s3")
    assert judged(scene, 4)["in_step"] is False


def test_a_drain_is_not_acknowledged_while_paused(scene: Scene) -> None:
    told(scene, "pause")
    port = int(scene.apps["s1"].command[-1])
    scene.list("s1", port, state="draining", tags={"lbdisc.drain": "abcd"})
    until_waits(scene, "~nodes/s1")
    told(scene, "status", code=4)
    assert not acknowledged(scene)
    told(scene, "resume")
    eventually(lambda: acknowledged(scene), what="its drain")


def test_the_later_of_two_pauses_counts_and_ends_by_itself(scene: Scene) -> None:
    told(scene, "pause", "--for", "1d", "--why", "one")
    assert "instead of" in told(scene, "pause", "--for", "2s", "--why", "two")
    assert scene.status["paused"]["why"] == "two"
    eventually(lambda: scene.status["paused"] is None, what="the end of the pause")
    assert "nothing is paused" in told(scene, "resume", code=1)


def test_of_two_pauses_at_once_one_counts_and_the_other_is_told(scene: Scene) -> None:
    """Two processes, started together: which is first is the kernel's to say."""
    words = ("one", "two")
    both = [scene.lbdisc("pause", "--why", why, name=f"pause-{why}") for why in words]
    assert [each.wait() for each in both] == [0, 0]
    said = {why: each.log.read_text() for why, each in zip(words, both, strict=True)}
    [second] = [why for why in words if ", instead of " in said[why]]
    assert judged(scene, 4)["paused"]["why"] == second
    told(scene, "resume")
    assert judged(scene, 0)["paused"] is None


def test_a_pinned_generation_stays_over_restarts_until_resume(scene: Scene) -> None:
    text = scene.config + "# of yesterday\n"
    reply = pin(scene, text, 41)
    assert reply.done, reply.text
    scene.join("s3")
    kill_agent(scene)
    scene.agent()
    eventually(lambda: scene.status["pinned"], what="the pin")
    found = judged(scene, 4)
    assert "generation 41" in found["summary"]
    assert found["pinned"]["why"] == "it worked then"
    assert scene.config == text
    assert set(scene.servers()) == {"s1", "s2"}
    told(scene, "resume")
    scene.until_up("s1", "s2", "s3")
    assert "of yesterday" not in scene.config


def test_texts_that_haproxy_refuses_are_not_pinned_and_its_words_are_told(scene: Scene) -> None:
    before = scene.config
    reply = pin(scene, before + "  brand-new 1\n")
    assert not reply.done
    assert "brand-new" in reply.text
    assert scene.config == before
    assert judged(scene, 0)["pinned"] is None
    scene.join("s3")
    scene.until_up("s1", "s2", "s3")


@pytest.mark.parametrize("file", ["", "../lbdisc.toml", "nothing.json", "status.json"])
def test_what_is_no_file_of_texts_is_not_pinned(scene: Scene, file: str) -> None:
    assert not order(scene.state, "pin", file=file).done
    assert judged(scene, 0)["pinned"] is None
