"""The failure matrix over ZooKeeper."""

from typing import ClassVar

import pytest

from support.matrix import FailureMatrix
from support.registries import ZooKeeperWorld
from support.worlds import World


@pytest.mark.timeout(150)  # the registry and its nodes start before the first, and heal after each
class TestZooKeeperFailures(FailureMatrix):
    kind: ClassVar[type[World]] = ZooKeeperWorld
