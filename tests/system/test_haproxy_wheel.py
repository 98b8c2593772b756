"""What operators order, on each generation of HAProxy: at run time, over reloads and restarts."""

import json
import tomllib
from collections.abc import Iterator

import pytest

from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.orders import order
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.haproxies import PROGRAMS, VERSIONS
from support.scene import Scene, lost
from support.steering import kill_agent, told


@pytest.fixture(scope="module", params=VERSIONS)
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    haproxy = {"binary": PROGRAMS[request.param], "settle_after": 0}
    with Scene(tmp_path_factory.mktemp("wheel"), haproxy=haproxy) as scene:
        scene.join("s1", "s2")
        scene.agent()
        scene.until_up("s1", "s2")
        yield scene


def weights(scene: Scene) -> dict[str, int]:
    """Of the servers that HAProxy has in service, by HAProxy's own word."""
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        rows = runtime.servers("nodes")
    return {row.server: row.weight for row in rows if not row.in_maintenance}


def until(scene: Scene, **expected: int) -> None:
    eventually(lambda: weights(scene) == expected, what=f"weights {expected}")
    eventually(lambda: scene.status["in_step"], what="an agent in step")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("drain", "nodes/s1"), {"s1": 0, "s2": 100}),
        (("weight", "nodes/s1", "7"), {"s1": 7, "s2": 100}),
        (("disable", "nodes/s1"), {"s2": 100}),
    ],
    ids=["drain", "weight", "disable"],
)
def test_an_order_and_its_end_cost_no_reload_and_no_request(
    scene: Scene, words: tuple[str, ...], expected: dict[str, int]
) -> None:
    worker = scene.worker()
    with scene.traffic(rate=50) as traffic:
        told(scene, *words)
        until(scene, **expected)
        told(scene, "undo", "nodes/s1")
        until(scene, s1=100, s2=100)
        scene.until_up("s1", "s2")
    assert lost(traffic) == []
    assert scene.worker() == worker


def test_a_drain_outlives_a_reload_and_a_killed_agent(scene: Scene) -> None:
    told(scene, "drain", "nodes/s1")
    until(scene, s1=0, s2=100)
    reloads = counted(scene)
    scene.write_settings(haproxy=haproxy(scene), vars={"stats_bind": f"127.0.0.1:{free_port()}"})
    scene.hup()
    eventually(lambda: counted(scene) > reloads, what="a reload")
    until(scene, s1=0, s2=100)
    kill_agent(scene)
    scene.agent()
    until(scene, s1=0, s2=100)
    told(scene, "undo", "--all")
    until(scene, s1=100, s2=100)


def counted(scene: Scene) -> int:
    """The agent's reloads."""
    return int(scene.status["counters"].get("applied_reload", 0))


def haproxy(scene: Scene) -> dict[str, object]:
    """What the settings say of it."""
    found: dict[str, object] = tomllib.loads(scene.settings.read_text())["haproxy"]
    return found


def test_what_waits_while_paused_comes_after_resume(scene: Scene) -> None:
    told(scene, "pause")
    scene.join("s3")
    eventually(lambda: scene.status["paused"]["waits"]["changes"] == ["+nodes/s3"])
    assert weights(scene) == {"s1": 100, "s2": 100}
    kill_agent(scene)
    scene.agent()
    assert weights(scene) == {"s1": 100, "s2": 100}
    told(scene, "resume")
    scene.until_up("s1", "s2", "s3")
    scene.unlist("s3")
    scene.until_up("s1", "s2")


def test_a_pinned_generation_runs_until_resume(scene: Scene) -> None:
    eventually(lambda: scene.status["in_step"], what="an agent in step")
    eventually(lambda: "server s3 " not in scene.config, what="a file that has followed")
    text = scene.config.replace("weight 100", "weight 50")
    document = {"schema": 1, "generation": 41, "text": text, "files": {}}
    (scene.state / "rollback.json").write_text(json.dumps(document))
    reply = order(scene.state, "pin", what="41", file="rollback.json")
    assert reply.done, reply.text
    until(scene, s1=50, s2=50)
    told(scene, "resume")
    until(scene, s1=100, s2=100)
