"""The failure matrix over a folder."""

from typing import ClassVar

import pytest
from matrix import FailureMatrix
from registries import FileWorld
from worlds import World


@pytest.mark.timeout(150)  # the registry and its nodes start before the first, and heal after each
class TestFileFailures(FailureMatrix):
    kind: ClassVar[type[World]] = FileWorld
