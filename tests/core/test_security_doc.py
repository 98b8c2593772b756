"""docs/security.md: every line of the threat model names tests, and they exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TREE = Path(__file__).parent.parent.parent
TEXT = (TREE / "docs/security.md").read_text(encoding="utf-8")
ROWS = [
    row
    for table in re.findall(r"^\|.*\| Test \|\n\|[-|]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    for row in table.splitlines()
]
ID = re.compile(r"(tests/[\w/]+\.py)::([\w:]+)")


@cache
def names(file: str) -> frozenset[str]:
    """The functions and classes of a module of tests."""
    tree = ast.parse((TREE / file).read_text(encoding="utf-8"))
    return frozenset(
        n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)
    )


@pytest.mark.parametrize("row", ROWS)
def test_a_line_of_the_threat_model_has_tests_that_exist(row: str) -> None:
    found = ID.findall(row)
    assert found, "no test"
    for file, name in found:
        assert (TREE / file).is_file(), file
        # A test of a class may be the contract's, which it inherits.
        assert name.split("::")[0] in names(file), f"{file}::{name}"


def test_no_line_stands_there_twice() -> None:
    assert len(ROWS) > 100
    tried = [row.split(" | ")[0] for row in ROWS]
    twice = {row for row in tried if tried.count(row) > 1 and not row.startswith("| the same")}
    assert twice == set()
