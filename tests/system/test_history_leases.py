"""`lbdisc why` names the lease of one that went: real registries, registrars and HAProxy."""

import re
import subprocess
from collections.abc import Iterator
from typing import ClassVar

import pytest

from lbdisc.testing.waiting import eventually
from support.etcd_world import EtcdWorld
from support.file_world import FileWorld
from support.scene import LBDISC, Scene
from support.serf_world import SerfWorld
from support.worlds import World
from support.zookeeper_world import ZooKeeperWorld

TIME = r"\d\d:\d\d:\d\d"
UNSURE = rf" ended \(good for \d+ s, no renewal after {TIME}\), or its entry was deleted \("


def why(scene: Scene, name: str) -> str:
    command = [LBDISC, "why", name, "--config", str(scene.settings)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout


@pytest.fixture(scope="class")
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Scene]]:
    """The world of the class, and an agent that serves its four nodes."""
    folder = tmp_path_factory.mktemp("leases")
    (folder / "world").mkdir()
    (folder / "scene").mkdir()
    with (
        request.cls.world(folder / "world") as world,
        Scene(folder / "scene", **world.tables) as scene,
    ):
        scene.agent()
        scene.until_up(*world.nodes)
        yield world, scene


class Leases:
    """One registry; the first test takes s1, the second s2."""

    world: ClassVar[type[World]]
    killed: ClassVar[str]  # what is said of the lease of who was killed, a pattern

    def test_of_one_that_was_killed(self, served: tuple[World, Scene]) -> None:
        """kill -9 of its registrar."""
        world, scene = served
        lease = world.lease_of("s1")
        world.nodes["s1"].kill_registrar()
        said = rf"without draining, its {re.escape(lease)}{self.killed}"
        eventually(lambda: re.search(said, why(scene, "s1")), deadline=60, what=said)

    def test_of_one_that_left(self, served: tuple[World, Scene]) -> None:
        """Its registrar was stopped."""
        world, scene = served
        lease = world.lease_of("s2")
        world.nodes["s2"].registrar.stop()
        eventually(lambda: "it drained and left" in why(scene, "s2"), deadline=60)
        assert f"its entry lived by {lease}" in why(scene, "s2")


class TestFile(Leases):
    world = FileWorld
    killed = rf" ended \(good for 2 s, last renewal seen {TIME}\) \(file"


class TestEtcd(Leases):
    world = EtcdWorld
    killed = UNSURE + "etcd"


class TestZooKeeper(Leases):
    world = ZooKeeperWorld
    killed = UNSURE + "zookeeper"


class TestSerf(Leases):
    world = SerfWorld
    killed = r" failed \(serf"
