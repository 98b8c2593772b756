"""Each shape of file on each HAProxy: the same as a fresh start after every step, nothing lost.

All shapes are run with ``--shapes FILE``, which writes the table; else a few.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.haproxies import PROGRAMS, VERSIONS, exact_version
from support.origins import origin
from support.shapes import QUICK, SHAPES, Walk
from support.shapes_report import PROPERTY

pytestmark = pytest.mark.timeout(300)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    names = tuple(SHAPES) if metafunc.config.getoption("--shapes") else QUICK
    metafunc.parametrize("shape", names)
    metafunc.parametrize("version", VERSIONS)


@pytest.fixture(scope="module")
def ports() -> Iterator[list[int]]:
    with ExitStack() as stack:
        yield [stack.enter_context(origin()) for _ in range(4)]


def test_a_day(
    tmp_path: Path,
    ports: list[int],
    shape: str,
    version: str,
    record_property: Callable[[str, object], None],
) -> None:
    with Walk(tmp_path, shape, version, ports) as walk:
        try:
            walk.walk()
        finally:
            steps = [(s.name, s.how, s.lost, s.differs) for s in walk.steps]
            exact = exact_version(PROGRAMS[version])
            record_property(PROPERTY, {"shape": shape, "version": exact, "steps": steps})
        assert [(s.name, s.lost, s.differs) for s in walk.steps if s.lost or s.differs] == []
