"""The table of shapes × versions, from the tests that ran."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PROPERTY = "shape"
STEPS = ("start", "join", "weight", "drain", "leave", "moved", "template", "restart")
_HEAD = """# Shapes of real files

Fourteen files as people have them (`tests/shapes`, and the default template) on each version of
HAProxy, under traffic. Made on {date} by `make shapes`; each cell is a test.

After every step what decides about traffic is compared with a HAProxy that is started on the same
file. A cell tells how the eight steps came to run, in this order: start, join, another weight,
drain, leave, moved address, changed template, restart of the agent. `t` is at run time, `R` a
reload, `·` nothing to do; what was lost, or is not as after a fresh start, fails the test and is
told. Settling reloads are off.

"""
_LETTERS = {"run time": "t", "reload": "R", "nothing": "·"}


@dataclass
class Table:
    """Collects cells; ``write`` makes the page."""

    cells: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, found: dict[str, object]) -> None:
        steps = found["steps"]
        assert isinstance(steps, list)
        self.cells[str(found["shape"])][str(found["version"])] = cell(steps)

    def write(self, path: Path) -> None:
        versions = sorted({version for row in self.cells.values() for version in row})
        lines = [
            f"| shape | {' | '.join(versions)} |",
            f"|---|{'---|' * len(versions)}",
            *(
                f"| {shape} | {' | '.join(row.get(version, '–') for version in versions)} |"
                for shape, row in sorted(self.cells.items())
            ),
        ]
        head = _HEAD.format(date=time.strftime("%Y-%m-%d"))
        path.write_text(head + "\n".join(lines) + "\n")


def cell(steps: list[tuple[str, str, int, str]]) -> str:
    """The text of one cell."""
    ways = "".join(_LETTERS[how] for _, how, _, _ in steps)
    bad = [f"{name}: {_bad(lost, differs)}" for name, _, lost, differs in steps if lost or differs]
    if len(steps) < len(STEPS):
        bad.append(f"{STEPS[len(steps)]}: failed")
    return f"`{ways}`" + (f" **{'; '.join(bad)}**" if bad else "")


def _bad(lost: int, differs: str) -> str:
    return ", ".join(part for part in (f"{lost} lost" if lost else "", differs) if part)


class Writing:
    """The pytest plugin that writes the table at the end, where the results of all workers come."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._table = Table()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found = dict(report.user_properties).get(PROPERTY)
        if report.when == "call" and isinstance(found, dict):
            self._table.add(found)

    def pytest_sessionfinish(self) -> None:
        if self._table.cells:
            self._table.write(self._path)
