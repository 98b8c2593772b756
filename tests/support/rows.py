"""What the rows of the failure matrix share: a cell over the world of a class, and its figures."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from support.cell import Cell
from support.failure_report import PROPERTY
from support.worlds import World


class Rows:
    """A test is a row, its docstring the words for it; a subclass names the `kind` of world.

    The world's server and nodes are shared by all tests of the class.
    """

    kind: ClassVar[type[World]]

    @pytest.fixture
    def measured(self, request: pytest.FixtureRequest) -> dict[str, Any]:
        """What the table says of this cell, filled in as it goes."""
        words = " ".join((request.function.__doc__ or "").split()).rstrip(".")
        code = request.function.__code__
        place = Path(code.co_filename).name, code.co_firstlineno
        found: dict[str, Any] = {"row": words, "column": self.kind.name, "place": place}
        request.node.user_properties.append((PROPERTY, found))
        if fault := request.node.get_closest_marker("fault"):
            self._skip(fault.args[0], whole=bool(request.config.getoption("--failure-matrix")))
        return found

    def _skip(self, fault: str, *, whole: bool) -> None:
        if fault in self.kind.cannot:
            pytest.skip(self.kind.cannot[fault])
        if fault in self.kind.slow and not whole:
            pytest.skip(f"{self.kind.slow[fault]}: only with --failure-matrix")

    @pytest.fixture
    def start(
        self, measured: dict[str, Any], world: World, tmp_path: Path
    ) -> Iterator[Callable[..., Cell]]:
        """Starts the cell, with more tables of settings; what it measured is kept at its end."""
        cells: list[Cell] = []

        def begin(**tables: Any) -> Cell:
            cells.append(Cell(tmp_path, world, **tables))
            return cells[0].__enter__()

        world.heal()
        yield begin
        for cell in cells:
            cell.__exit__(None, None, None)
            measured.update(
                lost=len(cell.lost),
                apart=cell.lost_apart,
                seconds=cell.seconds,
                told=cell.told,
                load=os.getloadavg()[0],
            )

    @pytest.fixture
    def cell(self, start: Callable[..., Cell]) -> Cell:
        return start()
