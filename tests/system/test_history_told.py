"""The history that `lbdisc run` keeps, on a real HAProxy, and what the commands tell of it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from support.histories import Told, node
from support.scene import LBDISC, Scene


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """s1 and s2 are up; s3 was, and has left."""
    with Scene(tmp_path_factory.mktemp("told")) as scene:
        scene.join("s1", "s2", "s3")
        scene.agent()
        scene.until_up("s1", "s2", "s3")
        scene.unlist("s3")
        scene.until_up("s1", "s2")
        eventually(lambda: "nodes/s3 left" in said(scene, "history"), deadline=30)
        yield scene


def asked(scene: Scene, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [LBDISC, *words, "--config", str(scene.settings)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def said(scene: Scene, *words: str) -> str:
    done = asked(scene, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_why_tells_how_a_node_left_and_what_was_done(served: Scene) -> None:
    found = said(served, "why", "s3")
    assert "nodes/s3 went at " in found
    assert "it drained and left (file" in found
    assert "applied at run time in" in found
    assert "`set server nodes/s3 state maint`" in found


def test_why_tells_what_haproxy_thinks_of_one_that_serves(served: Scene) -> None:
    eventually(
        lambda: "The load balancer has it up" in said(served, "why", "nodes/s1"), deadline=30
    )


def test_why_in_json_has_the_entries(served: Scene) -> None:
    found = json.loads(said(served, "why", "s3", "--json"))
    assert (found["schema"], found["served"]) == (1, False)
    assert found["entries"]["went"]["how"] == "runtime"


def test_a_typo_names_the_nearest_and_is_a_failure(served: Scene) -> None:
    done = asked(served, "why", "nodes/s33")
    assert done.returncode == 1
    assert "no node 'nodes/s33' (did you mean 'nodes/s3'?)" in done.stderr


def test_what_follows_is_told_as_it_happens(served: Scene) -> None:
    follower = served.lbdisc("history", "--limit", "1", "--follow", name="follower")
    port = served.app("s4")
    served.list("s4", port, weight=7)
    eventually(lambda: "nodes/s4 joined" in follower.log.read_text(), deadline=30)
    served.unlist("s4")
    eventually(lambda: "nodes/s4 left" in follower.log.read_text(), deadline=30)
    served.until_up("s1", "s2")


def test_a_history_goes_on_after_an_agent_was_killed(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.join("s1")
        agent = scene.agent()
        scene.until_up("s1")
        agent.kill()
        scene.agent()
        entries = [json.loads(line) for line in said(scene, "history", "--json").splitlines()]
        assert sum(entry["event"] == "started" for entry in entries) == 2
        numbers = [entry["seq"] for entry in entries]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_an_earlier_generation_runs_again_until_it_is_resumed(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.join("s1", "s2")
        scene.agent()
        scene.until_up("s1", "s2")
        number, text = scene.status["generation"]["number"], scene.config
        scene.unlist("s2")
        eventually(lambda: text != scene.config, deadline=30)
        back = said(scene, "rollback", str(number), "--why", "s2 again", "--json")
        assert f"generation {number} (" in json.loads(back)["text"]
        eventually(lambda: scene.config == text)  # the file follows what runs
        scene.until_up("s1", "s2")
        assert scene.status["pinned"]["generation"] == number
        assert "pinned generation" in said(scene, "history")
        assert list(scene.state.glob(".rollback*")) == []
        said(scene, "resume")
        eventually(lambda: text != scene.config, deadline=30)


def test_what_cannot_be_rolled_back_is_one_line(served: Scene, tmp_path: Path) -> None:
    done = asked(served, "rollback", "99")
    assert done.returncode == 1
    assert "generation 99 is not kept: 1 to " in done.stderr
    with Scene(tmp_path) as scene:
        made = Told(scene.state / "history")
        made.serve(node(1))
        made.close()
        done = asked(scene, "rollback", "1")
        assert done.returncode == 1
        assert "no agent answers in state_dir" in done.stderr


def test_without_a_history_one_line_says_so(tmp_path: Path) -> None:
    with Scene(tmp_path, core={"listeners_off": ["history"]}) as scene:
        done = asked(scene, "history")
        assert done.returncode == 1
        assert "there is no history in" in done.stderr
        assert "(listeners_off names history)" in done.stderr
