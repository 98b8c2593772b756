"""`[endpoints]`: who is at an address where nobody may be served is named, and never a server."""

from pathlib import Path
from typing import Any

from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.scene import Scene


def skipped(scene: Scene) -> list[str]:
    return [problem["where"] for problem in scene.status["problems"]]


def deny(*networks: str) -> dict[str, Any]:
    return {"endpoints": {"deny": list(networks)}}


def test_a_record_that_names_loopback_is_a_problem_and_never_a_server(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.join("good")
        scene.agent(LBDISC_ENDPOINTS_ALLOW="127.0.0.1")
        scene.until_up("good")
        scene.list("evil", free_port(), address="127.0.0.9")
        eventually(lambda: skipped(scene) == ["nodes/evil"], what="the problem")
        assert "127.0.0.9" not in scene.config


def test_every_command_leaves_it_out_and_says_why(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.list("good", 80, address="10.0.0.1")
        scene.list("evil", 9999)
        for number, words in enumerate((["nodes"], ["render"], ["plan"], ["run", "--once"])):
            scene.write_settings(endpoints={"deny": ["127.0.0.0/8"]})
            command = scene.lbdisc(*words, name=f"command{number}")
            command.wait()
            said = command.log.read_text()
            assert "127.0.0.1 is in 127.0.0.0/8, which endpoints.deny names" in said, words
            assert "server evil" not in said
        assert "server evil" not in scene.config


def test_at_sighup_whoever_is_denied_goes_at_once_and_is_not_held(tmp_path: Path) -> None:
    with Scene(tmp_path, guard={"loss_hold": 600}) as scene:
        for name in ("a", "b", "c"):
            scene.list(name, free_port(), address="127.0.0.2")
        scene.join("good")
        scene.agent()
        scene.until_up("good")
        assert "server c 127.0.0.2" in scene.config
        scene.write_settings(guard={"loss_hold": 600}, **deny("127.0.0.2"))
        scene.hup()
        eventually(lambda: "127.0.0.2" not in scene.config, what="they are gone")
        assert not scene.status["held"]
        scene.until_up("good")


def test_after_a_restart_nobody_who_is_denied_by_now_is_served(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.join("good")
        scene.list("bad", free_port(), address="127.0.0.2")
        scene.agent().stop()
        scene.nodes.rename(tmp_path / "away")
        scene.write_settings(**deny("127.0.0.2"))
        scene.agent()
        assert "server good" in scene.config
        assert "server bad" not in scene.config


def test_many_that_move_to_loopback_at_once_are_a_loss_that_is_held(tmp_path: Path) -> None:
    """A registrar that registers 127.0.0.1 everywhere empties nothing: its nodes are still up."""
    with Scene(tmp_path) as scene:
        scene.join("a", "b", "c")
        scene.agent(LBDISC_ENDPOINTS_ALLOW="127.0.0.1")
        scene.until_up("a", "b", "c")
        for name in ("a", "b", "c"):
            scene.list(name, free_port(), address="127.0.0.9")
        eventually(lambda: len(skipped(scene)) == 3, what="the problems")
        eventually(lambda: len(scene.status["held"]) == 3, what="what is held")
        scene.until_up("a", "b", "c")
