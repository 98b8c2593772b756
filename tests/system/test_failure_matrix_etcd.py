"""The failure matrix over etcd."""

from typing import ClassVar

import pytest
from matrix import FailureMatrix
from registries import EtcdWorld
from worlds import World


@pytest.mark.timeout(150)  # the registry and its nodes start before the first, and heal after each
class TestEtcdFailures(FailureMatrix):
    kind: ClassVar[type[World]] = EtcdWorld
