"""The failure matrix over Serf."""

from typing import ClassVar

import pytest

from support.matrix import FailureMatrix
from support.registry_rows import RegistryRows, TrioRows
from support.serf_world import SerfWorld
from support.worlds import World


@pytest.mark.timeout(150)  # the registry and its nodes start before the first, and heal after each
class TestSerfFailures(TrioRows, RegistryRows, FailureMatrix):
    kind: ClassVar[type[World]] = SerfWorld
