"""Somebody writes whatever it can, as fast as it can: the others come, go and are served."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_lab.neighbour import SERVICE, EtcdHand, FileHand, Hand, HostileNeighbour
from lbdisc_lab.servers import etcd
from support.scene import Scene, lost

MB = 1_000_000
ENOUGH = 1000  # changes of the neighbour
FLAT = 150 * MB  # what an agent may grow by meanwhile: it had the foreign values twice otherwise


@dataclass
class Crowd:
    """A scene whose registry others write to with hands of their own."""

    scene: Scene
    hand: Callable[[], Hand]


@pytest.fixture(params=["file", "etcd"])
def crowd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crowd]:
    services = {"services": [SERVICE, "other"]}
    if request.param == "file":
        with Scene(tmp_path, core=services) as scene:
            yield Crowd(scene, lambda: FileHand(scene.nodes))
        return
    with etcd.start(tmp_path / "etcd") as registry:
        url = registry.servers[0].url
        core = {**services, "backend": "etcd"}
        with Scene(tmp_path, core=core, etcd={"endpoints": [url]}) as scene:
            yield Crowd(scene, lambda: EtcdHand(url))


def test_a_hostile_neighbour_disturbs_nobody(crowd: Crowd) -> None:
    scene = crowd.scene
    ports = {name: scene.app(name) for name in ("steady", "coming")}
    with closing(crowd.hand()) as good:
        put(good, "steady", ports["steady"])
    agent = scene.agent()
    scene.until_up("steady")
    before = psutil.Process(agent.pid).memory_info().rss
    with scene.traffic(rate=50) as traffic, HostileNeighbour(crowd.hand(), foreign=4) as neighbour:
        turns = 0
        while neighbour.changes < ENOUGH or turns < 3:
            assert neighbour.failure is None, neighbour.failure
            come_and_go(crowd, ports["coming"])
            turns += 1
    assert lost(traffic) == []
    assert "steady" in up(scene)
    assert psutil.Process(agent.pid).memory_info().rss - before < FLAT
    assert (scene.state / "status.json").stat().st_size < MB
    assert agent.log.stat().st_size < MB


def come_and_go(crowd: Crowd, port: int) -> None:
    with closing(crowd.hand()) as good:
        put(good, "coming", port)
        eventually(lambda: "coming" in up(crowd.scene), deadline=30, what="the node that came")
        put(good, "coming", port, state="draining")
        good.write({(SERVICE, "coming"): None})
        eventually(lambda: "coming" not in up(crowd.scene), deadline=30, what="its leave")


def put(hand: Hand, name: str, port: int, state: str = "ready") -> None:
    said = f'{{"address": "127.0.0.1", "port": {port}, "state": "{state}"}}'
    hand.write({(SERVICE, name): said.encode()})


def up(scene: Scene) -> set[str]:
    return {name for name, status in scene.servers().items() if status.startswith("UP")}
