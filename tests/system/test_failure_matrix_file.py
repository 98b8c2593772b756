"""The failure matrix over a folder."""

from typing import ClassVar

import pytest

from support.file_world import FileWorld
from support.matrix import FailureMatrix
from support.registry_rows import RegistryRows, TrioRows
from support.worlds import World


@pytest.mark.timeout(150)  # the registry and its nodes start before the first, and heal after each
class TestFileFailures(TrioRows, RegistryRows, FailureMatrix):
    kind: ClassVar[type[World]] = FileWorld
