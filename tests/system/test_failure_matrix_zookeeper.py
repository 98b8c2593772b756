"""The failure matrix over ZooKeeper."""

from typing import ClassVar

import pytest

from support.matrix import FailureMatrix
from support.registry_rows import RegistryRows, TrioRows
from support.worlds import World
from support.zookeeper_world import ZooKeeperTrio, ZooKeeperWorld


@pytest.mark.timeout(150)  # the registry and its nodes start before the first, and heal after each
class TestZooKeeperFailures(RegistryRows, FailureMatrix):
    kind: ClassVar[type[World]] = ZooKeeperWorld


@pytest.mark.seldom
@pytest.mark.timeout(150)
class TestZooKeeperTrioFailures(TrioRows):
    kind: ClassVar[type[World]] = ZooKeeperTrio
