"""The failure matrix over a folder."""

from typing import ClassVar

import pytest

from support.matrix import FailureMatrix
from support.registries import FileWorld
from support.worlds import World


@pytest.mark.timeout(150)  # the registry and its nodes start before the first, and heal after each
class TestFileFailures(FailureMatrix):
    kind: ClassVar[type[World]] = FileWorld
