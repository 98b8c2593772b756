"""What tests share: one registry with its nodes for all tests of a class."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from worlds import World


@pytest.fixture(scope="class")
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[World]":
    """The world of the class's `kind`."""
    kind: type[World] = request.cls.kind
    with kind(tmp_path_factory.mktemp(kind.name)) as world:
        yield world
