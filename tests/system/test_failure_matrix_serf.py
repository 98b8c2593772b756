"""The failure matrix over Serf."""

from typing import ClassVar

import pytest
from matrix import FailureMatrix
from serf_world import SerfWorld
from worlds import World


@pytest.mark.timeout(150)  # the registry and its nodes start before the first, and heal after each
class TestSerfFailures(FailureMatrix):
    kind: ClassVar[type[World]] = SerfWorld
