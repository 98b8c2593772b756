"""The failure matrix over etcd."""

from typing import ClassVar

import pytest

from support.matrix import FailureMatrix
from support.registries import EtcdWorld
from support.worlds import World


@pytest.mark.timeout(150)  # the registry and its nodes start before the first, and heal after each
class TestEtcdFailures(FailureMatrix):
    kind: ClassVar[type[World]] = EtcdWorld
