"""While a change waits for its reload, whatever needs none goes ahead."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc import atomic
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.scene import Scene

LONG = {"min_reload_interval": 300, "max_reload_interval": 300}  # no reload while the test runs
HOSTS = ("localhost", "ip6-localhost")


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Scene]:
    """s1 and s2 are served, and a host name that changed waits for a reload."""
    with Scene(tmp_path, agent=LONG, haproxy={"settle_after": 0}) as scene:
        scene.list("named", free_port(), address=HOSTS[0])
        scene.join("s1", "s2")
        scene.agent()
        eventually(lambda: {"s1", "s2"} <= up(scene), what="s1 and s2 up")
        scene.list("named", free_port(), address=HOSTS[1])
        eventually(lambda: not scene.status["in_step"], what="a reload that waits")
        yield scene


def up(scene: Scene) -> set[str]:
    return {name for name, state in scene.servers().items() if state.startswith("UP")}


def weight(scene: Scene, name: str) -> int:
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        return next(row.weight for row in runtime.stats("nodes") if row.name == name)


def reloads(scene: Scene) -> int:
    found = scene.status["counters"].get("applied_reload", 0)
    assert isinstance(found, int)
    return found


def test_joins_drains_and_leaves_do_not_wait(waiting: Scene) -> None:
    waiting.join("s3")
    eventually(lambda: "s3" in up(waiting), what="a join")
    s1 = json.loads((waiting.nodes / "nodes" / "s1.json").read_text())
    atomic.write(waiting.nodes / "nodes" / "s1.json", json.dumps({**s1, "state": "draining"}))
    eventually(lambda: weight(waiting, "s1") == 0, what="a drain")
    waiting.unlist("s2")
    eventually(lambda: "s2" not in up(waiting), what="a leave")
    assert reloads(waiting) == 0


def test_the_file_has_what_went_ahead_and_not_what_waits(waiting: Scene) -> None:
    waiting.join("s3")
    eventually(lambda: "s3" in up(waiting), what="a join")
    text = (waiting.state / "haproxy.cfg").read_text
    eventually(lambda: "server s3 " in text(), what="it is written")
    assert HOSTS[0] in text()
    assert HOSTS[1] + ":" not in text()


def test_an_operators_settings_do_not_wait_for_what_others_did(tmp_path: Path) -> None:
    agent = {"min_reload_interval": 0.2, "max_reload_interval": 300}
    off = {"settle_after": 0, "runtime": False}
    with Scene(tmp_path, agent=agent, haproxy=off) as scene:
        scene.join("s1")
        process = scene.agent()
        for n in range(8):
            scene.list(f"x{n}", free_port())
            eventually(lambda n=n: reloads(scene) > n, what="a reload")  # type: ignore[misc]
        scene.list("waits", free_port())
        scene.write_settings(agent=agent, haproxy=off, vars={"check": "GET /other"})
        process.send(signal.SIGHUP)
        text = (scene.state / "haproxy.cfg").read_text
        eventually(lambda: "/other" in text(), deadline=20, what="the operator's check")
