"""The failure matrix over etcd."""

from typing import ClassVar

import pytest

from support.etcd_world import EtcdTrio, EtcdWorld
from support.matrix import FailureMatrix
from support.registry_rows import RegistryRows, TrioRows
from support.worlds import World


@pytest.mark.timeout(150)  # the registry and its nodes start before the first, and heal after each
class TestEtcdFailures(RegistryRows, FailureMatrix):
    kind: ClassVar[type[World]] = EtcdWorld


@pytest.mark.seldom
@pytest.mark.timeout(150)
class TestEtcdTrioFailures(TrioRows):
    kind: ClassVar[type[World]] = EtcdTrio
