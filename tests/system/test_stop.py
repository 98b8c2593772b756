"""`lbdisc stop`, and what the signals of `lbdisc run` mean for HAProxy."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from support.scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path, haproxy={"on_stop": "leave"}) as made:
        made.join("s1")
        yield made


@pytest.fixture
def agent(scene: Scene) -> Process:
    process = scene.agent()
    scene.until_up("s1")
    return process


def stopped(scene: Scene) -> str:
    """What a good `lbdisc stop` says."""
    stop = scene.lbdisc("stop", name="stop")
    assert stop.wait() == 0, stop.log_tail()
    return stop.log.read_text()


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_sigterm_leaves_haproxy_and_ctrl_c_ends_both(scene: Scene, agent: Process) -> None:
    pid = scene.haproxy_pid()
    assert agent.stop(signal.SIGTERM) == 0
    assert scene.haproxy_pid() == pid
    assert scene.agent().stop(signal.SIGINT) == 0
    eventually(lambda: is_gone(pid))


def test_stop_ends_the_agent_and_its_haproxy(scene: Scene, agent: Process) -> None:
    pid = scene.haproxy_pid()
    assert stopped(scene) == f"ended: agent (process {agent.pid})\n"
    assert agent.wait(1) == 0
    eventually(lambda: is_gone(pid))
    assert not (scene.state / "worker.json").exists()


def test_stop_ends_a_haproxy_that_was_left(scene: Scene, agent: Process) -> None:
    pid = scene.haproxy_pid()
    agent.stop(signal.SIGTERM)
    assert "ended: haproxy that was left\n" in stopped(scene)
    eventually(lambda: is_gone(pid))
    assert "nothing runs\n" in stopped(scene)


def test_stop_finds_what_was_left_without_its_master_socket(scene: Scene, agent: Process) -> None:
    pid = scene.haproxy_pid()
    agent.stop(signal.SIGTERM)
    (scene.state / "master.sock").unlink()
    assert "ended: haproxy that was left\n" in stopped(scene)
    eventually(lambda: is_gone(pid))


def test_stop_where_nothing_ever_ran_is_done(scene: Scene) -> None:
    assert stopped(scene) == "nothing runs\n"


def test_a_process_that_has_the_number_of_an_agent_is_left_alone(
    scene: Scene, agent: Process
) -> None:
    (scene.state / "agent.lock").write_text(f"{os.getpid()}\n")
    stop = scene.lbdisc("stop", name="stop")
    assert stop.wait() == 1
    assert f"is held, but not by process {os.getpid()}" in stop.log.read_text()
    assert agent.running
