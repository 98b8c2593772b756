"""What `lbdisc status` says when something is wrong, and its exit code."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from support.disk import Disk
from support.scene import LBDISC, Scene

# A program is started for each look: a busy machine takes a while.
pytestmark = pytest.mark.timeout(180)
GOOD, FAILED, USAGE, DEGRADED = 0, 1, 2, 4


class Told:
    """One run of `lbdisc status`."""

    def __init__(self, scene: Scene, *arguments: str) -> None:
        command = [LBDISC, "status", "--config", str(scene.settings), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        self.code, self.text, self.error = done.returncode, done.stdout, done.stderr
        self.line = done.stdout.partition("\n")[0]

    @property
    def document(self) -> dict[str, Any]:
        found = json.loads(self.text)
        assert isinstance(found, dict)
        return found


def until(scene: Scene, line: str, code: int, *arguments: str, deadline: float = 60) -> Told:
    """Until the first line holds this, with this exit code."""
    seen = [Told(scene, *arguments)]

    def said() -> bool:
        seen[:] = [Told(scene, *arguments)]
        return line in seen[0].line and seen[0].code == code

    eventually(said, deadline=deadline, what=f"{line!r} with exit code {code}")
    return seen[0]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path) as made:
        made.join("s1", "s2")
        yield made


def end(agent: Process, number: signal.Signals) -> None:
    os.kill(agent.pid, number)


def test_good_is_one_line(scene: Scene) -> None:
    scene.agent()
    told = until(scene, "2 of 2 servers up", GOOD)
    assert told.line.startswith("good: in step, generation ")


def test_a_stopped_agent_is_told_at_once(scene: Scene) -> None:
    agent = scene.agent()
    until(scene, "good", GOOD)
    end(agent, signal.SIGSTOP)
    try:
        told = until(scene, f"process {agent.pid} is in state T", FAILED)
        assert told.line.startswith("failed: stopped")
        until(scene, "stopped for", FAILED)
    finally:
        end(agent, signal.SIGCONT)
    until(scene, "good", GOOD)


def test_a_killed_agent_and_one_that_was_stopped_are_told_apart(scene: Scene) -> None:
    agent = scene.agent()
    end(agent, signal.SIGKILL)
    agent.wait()
    assert "killed or crashed" in until(scene, "not running", FAILED).line
    agent = scene.agent()
    end(agent, signal.SIGTERM)
    agent.wait()
    assert "SIGTERM" in until(scene, "not running", FAILED).line


def test_nodes_that_fail_their_checks_are_told_with_haproxys_words(tmp_path: Path) -> None:
    with Scene(tmp_path, vars={"check": "HEAD /nowhere"}) as scene:
        scene.join("s1", "s2")
        scene.agent()
        told = until(scene, "service nodes: 0 of 2 up: HTTP 404 to HEAD /nowhere", DEGRADED)
        assert told.line.startswith("degraded: ")
        assert Told(scene, "--check", "step,registry").code == GOOD
        assert Told(scene, "--json").document["servers"]["nodes"]["up"] == 0


def test_a_lost_registry_degrades_and_its_time_is_told(scene: Scene) -> None:
    scene.agent()
    scene.nodes.rename(scene.folder / "away")
    told = until(scene, "registry file lost for", DEGRADED)
    assert "(since 20" in told.line
    assert Told(scene, "--check", "step").code == GOOD


def test_an_unknown_check_names_the_nearest(scene: Scene) -> None:
    told = Told(scene, "--check", "registri")
    assert told.code == USAGE
    assert "did you mean registry?" in told.error


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if not Disk.possible():
        pytest.skip("only root may mount")
    folder = tmp_path / "state"
    folder.mkdir()
    made = Disk(folder)
    yield made
    made.close()


def test_a_full_disk_is_told(tmp_path: Path, disk: Disk) -> None:
    with Scene(tmp_path) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        disk.fill()
        scene.join("s2")
        told = until(scene, "cannot write its state since", FAILED)
        assert "No space left on device" in told.line
        disk.writable()
        until(scene, "good", GOOD)


def test_a_read_only_disk_is_told(tmp_path: Path, disk: Disk) -> None:
    with Scene(tmp_path) as scene:
        scene.join("s1")
        scene.agent(LBDISC_LISTENERS_OFF="history")  # a file that is open keeps mount(8) from it
        scene.until_up("s1")
        disk.read_only()
        told = until(scene, "cannot write its state for", FAILED)
        assert "read-only file system" in told.line
        disk.writable()
        until(scene, "good", GOOD)


def test_an_agent_that_starts_on_a_full_disk_is_told_from_none(tmp_path: Path, disk: Disk) -> None:
    with Scene(tmp_path) as scene:
        disk.fill()
        scene.agent(until_running=False)
        told = until(scene, "no space is left on the file system", FAILED)
        assert "no heartbeat" in told.line


def test_a_haproxy_that_does_not_answer_is_not_good(scene: Scene) -> None:
    scene.agent()
    until(scene, "2 of 2 servers up", GOOD)
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        worker = runtime.info().pid
    os.kill(worker, signal.SIGSTOP)
    try:
        until(scene, "the load balancer does not say how its servers are", DEGRADED)
    finally:
        os.kill(worker, signal.SIGCONT)
    until(scene, "2 of 2 servers up", GOOD)


def test_the_check_in_the_docs_speaks_nagios(scene: Scene, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
    script = tmp_path / "check"
    script.write_text(page.partition("<!-- example check -->\n```sh\n")[2].partition("```")[0])
    scene.agent()
    until(scene, "good", GOOD)
    scene.nodes.rename(scene.folder / "away")
    until(scene, "registry file lost", DEGRADED)
    path = f"{Path(LBDISC).parent}:{os.environ['PATH']}"
    for arguments, code in ((["--check", "step"], 0), ([], 1), (["--check", "nothing"], 3)):
        command = ["sh", str(script), "--config", str(scene.settings), *arguments]
        done = subprocess.run(
            command, env={**os.environ, "PATH": path}, capture_output=True, timeout=30, check=False
        )
        assert done.returncode == code, done.stdout
