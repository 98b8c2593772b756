"""The failure matrix over ZooKeeper."""

from typing import ClassVar

import pytest
from matrix import FailureMatrix
from registries import ZooKeeperWorld
from worlds import World


@pytest.mark.timeout(150)  # the registry and its nodes start before the first, and heal after each
class TestZooKeeperFailures(FailureMatrix):
    kind: ClassVar[type[World]] = ZooKeeperWorld
