"""Restarts of `lbdisc run`: what runs is taken over as it is, and nobody notices."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.haproxy.sockets.master import Master, Processes
from support.scene import Scene, lost

LEAVE = {"on_stop": "leave", "settle_after": 0}


def processes(scene: Scene) -> Processes:
    return Master(scene.state / "master.sock").processes()


def worker(scene: Scene) -> int:
    current = processes(scene).current
    assert current is not None
    return current.pid


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Scene]:
    """A managed HAProxy with s1 and s2 up, and no agent any more."""
    with Scene(tmp_path, haproxy=LEAVE) as scene:
        scene.join("s1", "s2")
        agent = scene.agent()
        scene.until_up("s1", "s2")
        assert agent.stop() == 0
        yield scene


def how(scene: Scene) -> dict[str, int]:
    """How this agent brought its generations to life, and how often."""
    counters = scene.status["counters"].items()
    return {k.removeprefix("applied_"): n for k, n in counters if k.startswith("applied_")}


def test_a_restart_takes_over_the_worker_without_a_reload(serving: Scene) -> None:
    before = worker(serving)
    with serving.traffic() as traffic:
        serving.agent()
        assert how(serving) == {"nothing": 1}
        serving.join("s3")
        serving.until_up("s1", "s2", "s3")
    assert (worker(serving), how(serving)) == (before, {"nothing": 1, "runtime": 1})
    assert lost(traffic) == []
