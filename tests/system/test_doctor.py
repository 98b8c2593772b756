"""`lbdisc doctor` on real programs: with an agent and without, and what it says of real faults."""

import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lbdisc.testing.waiting import eventually
from support.diagnosing import doctor, found
from support.scene import LBDISC, Scene


def seen(scene: Scene) -> dict[str, Any]:
    """What HAProxy says of the service ``nodes``, as the agent has heard it; empty before that."""
    return dict((scene.status["servers"] or {}).get("nodes", {}))


def test_all_is_well_beside_a_running_agent_and_nothing_is_changed(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.join("a", "b")
        scene.agent()
        eventually(lambda: seen(scene).get("up") == 2)
        before = sorted(map(str, scene.nodes.rglob("*")))
        code, said = doctor(scene)
        assert sorted(map(str, scene.nodes.rglob("*"))) == before
    assert (code, said["schema"], found(said, "fail")) == (0, 1, [])
    fine = found(said, "ok")
    assert any("haproxy: worker" in text and "serves since" in text for text in fine)
    assert any("(level admin): worker" in text for text in fine)
    assert f"haproxy: it runs {scene.state}/haproxy.cfg" in fine
    assert any(text.startswith("agent: good: in step") for text in fine)
    assert "services: service nodes: 2 endpoints" in fine
    assert any(text.startswith("services: 1 agents are announced") for text in fine)
    assert f"folders: the agent takes orders at {scene.state}/control.sock" in fine


def test_without_an_agent_it_says_how_to_start_one_and_nothing_fails(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        code, said = doctor(scene)
    assert (code, found(said, "fail")) == (0, [])
    assert any("no agent has used" in text for text in found(said, "warn"))
    assert all(one["remedy"] for one in said["findings"] if one["word"] != "ok")


def test_an_entry_is_written_read_and_removed_only_on_request(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        _, said = doctor(scene, "--write")
        assert [*scene.nodes.iterdir()] == []
    texts = found(said, "ok")
    assert any(text.startswith("file: wrote _doctor/") for text in texts)
    assert "file: read it again" in texts
    assert any(text.startswith("file: removed _doctor/") for text in texts)


def test_all_servers_down_and_skipped_entries_are_named_with_their_remedy(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.list("a", 1)
        (scene.nodes / "nodes" / "bad.json").write_text("{")
        scene.agent()
        eventually(lambda: seen(scene).get("up") == 0 and seen(scene)["why"])
        code, said = doctor(scene)
    assert code == 1
    assert any("agent: service nodes: 0 of 1 up" in text for text in found(said, "fail"))
    assert any("services: skipped: " in text for text in found(said, "warn"))


def test_a_file_that_haproxy_refuses_fails_and_is_left_as_it_is(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.state.mkdir()
        config = scene.state / "haproxy.cfg"
        config.write_text("nonsense here\n")
        code, said = doctor(scene)
        assert config.read_text() == "nonsense here\n"
    assert code == 1
    assert any("HAProxy refuses the configuration" in text for text in found(said, "fail"))


def test_settings_that_do_not_load_are_one_finding(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        code, said = doctor(scene, "--set", "agent.quiet=x")
    assert (code, said["verdict"], len(said["findings"])) == (1, "fail", 1)
    assert "agent.quiet" in said["findings"][0]["text"]


@pytest.mark.parametrize("what", ["HAPROXY", "template"])
def test_a_missing_program_or_template_is_told_and_the_rest_is_looked_at(
    tmp_path: Path, what: str
) -> None:
    wrong = {"HAPROXY": "haproxy.binary=no-such", "template": "jinja2.template=/no/such.j2"}
    with Scene(tmp_path) as scene:
        code, said = doctor(scene, "--set", wrong[what])
    assert code == 1
    assert what == "template" or any("no-such" in text for text in found(said, "fail"))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("etcd", "etcd.endpoints"),
        ("zookeeper", "zookeeper.hosts"),
        ("serf", "serf.rpc"),
        ("doozer", "doozer.servers"),
    ],
)
def test_a_registry_that_says_nothing_is_given_up(tmp_path: Path, name: str, key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, Scene(tmp_path) as scene:
        place = f"{key}=127.0.0.1:{silent.getsockname()[1]}"
        only = ("--check", f"{name},services", "--limit", "1")
        code, said = doctor(scene, "--backend", name, "--set", place, *only)
    assert code == 1
    assert any(text.startswith(f"{name}: ") for text in found(said, "fail"))


def test_only_the_checks_that_are_named_are_made(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        code, said = doctor(scene, "--check", "file,services")
        bad = subprocess.run([LBDISC, "doctor", "--check", "servces"], capture_output=True)
    assert {one["check"] for one in said["findings"]} == {"settings", "file", "services"}
    assert (code, bad.returncode) == (0, 2)
    assert b"did you mean 'services'?" in bad.stderr
