"""An endpoint that is the load balancer itself is a problem, never a server."""

import socket
from pathlib import Path

import pytest

from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.scene import Scene

OWN = "is where the load balancer itself listens"


def said(scene: Scene) -> list[str]:
    return [p["where"] for p in scene.status["problems"] if OWN in p["what"]]


@pytest.mark.parametrize("which", ["site", "statistics", "CLI", "wide"])
def test_no_address_that_the_configuration_binds_is_an_endpoint(tmp_path: Path, which: str) -> None:
    with Scene(tmp_path) as scene:
        cli, wide = free_port(), free_port()
        binds = [f"127.0.0.1:{scene.port}", f"*:{wide}"]
        scene.write_settings(vars={"http_bind": binds, "cli_bind": f"127.0.0.1:{cli}"})
        port = {"site": scene.port, "statistics": scene.stats_port, "CLI": cli, "wide": wide}
        scene.join("good")
        scene.list("evil", port[which])
        scene.agent()
        scene.until_up("good")
        eventually(lambda: said(scene) == ["nodes/evil"], what="the problem")
        assert "server evil" not in scene.config


def test_one_that_comes_later_is_never_a_server_for_a_moment(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.join("good")
        agent = scene.agent()
        scene.until_up("good")
        scene.list("evil", scene.port)
        eventually(lambda: said(scene) == ["nodes/evil"], what="the problem")
        scene.join("s2")
        scene.until_up("good", "s2")
        assert "nodes/evil@" not in agent.log.read_text()


def test_another_spelling_of_the_own_address_is_known_as_well(tmp_path: Path) -> None:
    address = next(iter({its[4][0] for its in socket.getaddrinfo(socket.gethostname(), None)}))
    with Scene(tmp_path) as scene:
        wide = free_port()
        scene.write_settings(vars={"http_bind": [f"127.0.0.1:{scene.port}", f"*:{wide}"]})
        scene.list("evil", wide, address="localhost")
        scene.list("mine", wide, address=address)
        scene.agent()
        expected = ["nodes/evil", "nodes/mine"]
        eventually(lambda: said(scene) == expected, what="the problems")


def test_a_bind_that_comes_with_other_settings_takes_the_endpoint_out(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        port = free_port()
        scene.list("late", port)
        scene.join("good")
        scene.agent()
        scene.until_up("good")
        assert "server late" in scene.config
        scene.write_settings(vars={"http_bind": [f"127.0.0.1:{scene.port}", f"127.0.0.1:{port}"]})
        scene.hup()
        eventually(lambda: "server late" not in scene.config, what="it is gone")
        eventually(lambda: said(scene) == ["nodes/late"], what="the problem")


@pytest.mark.parametrize("words", [["render"], ["plan"], ["run", "--once"]])
def test_commands_that_look_once_leave_it_out_as_well(tmp_path: Path, words: list[str]) -> None:
    with Scene(tmp_path) as scene:
        scene.list("evil", scene.port)
        command = scene.lbdisc(*words)
        command.wait()
        assert OWN in command.log.read_text()
        assert "server evil" not in command.log.read_text()
