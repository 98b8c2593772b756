"""What the guard holds goes by what HAProxy finds, or by an operator's word, and not by a clock.

Real registries, real registrars, a real HAProxy, `lbdisc run`, and traffic all the while.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lbdisc import Endpoint, records
from lbdisc.testing.proxy import FaultProxy
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers import etcd
from lbdisc_lab.servers.etcd import EtcdCluster
from lbdisc_lab.servers.etcd.etcdctl import PREFIX
from support.scene import Scene, lost
from support.worlds import Node

NAMES = ("s1", "s2", "s3")
GUARD = {"loss_hold": 1}  # over long before the tests are


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[EtcdCluster]:
    with etcd.start(tmp_path / "etcd") as cluster:
        yield cluster


@contextmanager
def registered(cluster: EtcdCluster, port: int, folder: Path) -> Iterator[dict[str, Node]]:
    """Apps and their registrars, which know etcd at ``port``."""
    settings = {"backend": "etcd", "etcd.endpoints": f"127.0.0.1:{port}", "etcd.ttl": 2}
    nodes = {name: Node(name, "127.0.0.1", settings, folder) for name in NAMES}
    with ExitStack() as stack:
        for node in nodes.values():
            stack.callback(node.kill)
            node.launch()
        yield nodes


def scene_of(folder: Path, cluster: EtcdCluster, **tables: Any) -> Scene:
    (folder / "s").mkdir()
    merged = {"guard": GUARD, "etcd": {"endpoints": [cluster.servers[0].url]}, **tables}
    return Scene(folder / "s", core={"backend": "etcd"}, **merged)


def held(scene: Scene) -> dict[str, Any]:
    """What `lbdisc guard` says, by name."""
    code, text = said(scene, "guard", "--json")
    assert code == 0
    return {each["name"]: each for each in json.loads(text)["held"]}


def said(scene: Scene, *words: str) -> tuple[int, str]:
    """What a command answers, and its exit code."""
    told = scene.lbdisc(*words, name=f"said-{time.monotonic_ns()}")
    return told.wait(), told.log.read_text()


def until_held_beyond_the_clock(scene: Scene, *names: str) -> None:
    """Until HAProxy was seen to serve what is held, and no clock is left."""

    def kept() -> bool:
        found = held(scene)
        return set(found) == set(names) and all(
            each["until"] is None and each["health"] == "up" for each in found.values()
        )

    eventually(kept, deadline=60, every=0.5, what=f"{names} held beyond loss_hold")


def entry(name: str, port: int, prefix: str = PREFIX) -> tuple[str, str]:
    endpoint = Endpoint(service="nodes", name=name, address="127.0.0.1", port=port)
    return f"{prefix}/nodes/{name}", records.write(endpoint)


@pytest.mark.timeout(180)
def test_registrars_that_are_cut_off_from_etcd_cost_no_request(
    tmp_path: Path, registry: EtcdCluster
) -> None:
    with (
        FaultProxy(registry.servers[0].client_port) as way,
        registered(registry, way.port, tmp_path),
        scene_of(tmp_path, registry) as scene,
    ):
        scene.agent()
        scene.until_up(*NAMES)
        with scene.traffic(rate=50) as traffic:
            way.cut()
            until_held_beyond_the_clock(scene, *NAMES)
            assert scene.status["counters"]["held"] == 3
            scene.until_up(*NAMES)
            way.heal()
            eventually(lambda: scene.status["held"] == [], deadline=60)
        assert lost(traffic) == []


@pytest.mark.timeout(180)
def test_one_that_restarts_under_new_names_gets_one_share(
    tmp_path: Path, registry: EtcdCluster
) -> None:
    with scene_of(tmp_path, registry) as scene:
        steady = ("a", "b", "c", "d", "e")
        for name in steady:
            registry.cli.put(*entry(name, scene.app(name)))
        scene.agent()
        scene.until_up(*steady)
        port = scene.app("again")
        for attempt in range(6):
            key, record = entry(f"x{attempt}", port)
            registry.cli.put(key, record)
            scene.until_up(*steady, f"x{attempt}")
            if attempt < 5:
                registry.cli.delete(key)
        with scene.traffic(rate=100) as traffic:
            eventually(lambda: traffic.counts().served >= 240, deadline=60)
        counts = traffic.counts()
        assert counts.nodes["again"] <= counts.served / 5
        assert scene.status["counters"].get("held") is None
        assert lost(traffic) == []


def folder_of(scene: Scene, *names: str) -> None:
    """Files as registrars write them: gone without `draining`, they are lost."""
    for name in names:
        scene.list(name, scene.app(name), owner="somebody")


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path, guard=GUARD) as scene:
        folder_of(scene, *NAMES)
        scene.agent()
        scene.until_up(*NAMES)
        yield scene


def remove_all(scene: Scene) -> None:
    for name in NAMES:
        scene.unlist(name)


@pytest.mark.timeout(180)
def test_files_that_are_removed_go_when_the_nodes_are_down(serving: Scene) -> None:
    with serving.traffic(rate=50) as traffic:
        remove_all(serving)
        until_held_beyond_the_clock(serving, *NAMES)
    assert lost(traffic) == []
    serving.apps["s1"].kill()
    eventually(lambda: set(held(serving)) == {"s2", "s3"}, deadline=60, every=0.5)
    for app in serving.apps.values():
        app.kill()
    eventually(lambda: held(serving) == {}, deadline=60, every=0.5)
    assert "down: " in (serving.folder / "agent1.log").read_text()


@pytest.mark.timeout(180)
def test_a_misspelt_folder_and_a_restart_empty_nothing(serving: Scene) -> None:
    (serving.folder / "other").mkdir()
    serving.write_settings(guard=GUARD, file={"dir": str(serving.folder / "other")})
    pid = serving.status["pid"]
    os.kill(pid, signal.SIGHUP)
    until_held_beyond_the_clock(serving, *NAMES)
    since = {name: each["since"] for name, each in held(serving).items()}
    os.kill(pid, signal.SIGKILL)
    serving.agent()
    serving.until_up(*NAMES)
    until_held_beyond_the_clock(serving, *NAMES)
    assert {name: each["since"] for name, each in held(serving).items()} == since
    serving.write_settings(guard=GUARD)
    os.kill(serving.status["pid"], signal.SIGHUP)
    eventually(lambda: serving.status["held"] == [], deadline=60)


@pytest.mark.timeout(180)
def test_operators_hold_and_release(serving: Scene) -> None:
    serving.write_settings()  # with a `loss_hold` that is not over meanwhile
    os.kill(serving.status["pid"], signal.SIGHUP)
    eventually(lambda: "settings re-read" in (serving.folder / "agent1.log").read_text())
    assert said(serving, "guard", "hold", "nodes/s1") == (0, "held until released: nodes/s1\n")
    assert said(serving, "guard", "hold", "nodes/s9")[0] == 1
    remove_all(serving)
    eventually(lambda: len(serving.status["held"]) == 3, deadline=60)
    assert said(serving, "guard", "release", "nodes/s2") == (0, "released nodes/s2\n")
    serving.until_up("s1", "s3")
    code, text = said(serving, "guard", "release")
    assert (code, text) == (0, "released nodes/s1, nodes/s3\n")
    eventually(lambda: serving._up() == set())
    assert said(serving, "guard", "release")[0] == 1


@pytest.mark.timeout(180)
def test_words_wait_for_an_agent_and_plan_knows_what_is_held(serving: Scene) -> None:
    remove_all(serving)
    until_held_beyond_the_clock(serving, *NAMES)
    code, text = said(serving, "plan")
    assert (code, "held, whatever the registry says: nodes/s1" in text) == (0, True), text
    assert "nothing" in text
    os.kill(serving.status["pid"], signal.SIGKILL)
    code, text = said(serving, "guard", "release", "nodes/s1")
    assert (code, "the next one" in text) == (0, True)
    serving.agent()
    serving.until_up("s2", "s3")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_the_word_of_another_user_is_not_heard(serving: Scene) -> None:
    staged = serving.folder / "staged"
    staged.write_text(json.dumps({"ask": "guard.hold", "what": ""}))
    os.chown(staged, 65534, 65534)
    word = staged.rename(serving.state / "word-1-1.json")
    eventually(lambda: not word.exists())
    assert not (serving.state / "guard.json").exists()
