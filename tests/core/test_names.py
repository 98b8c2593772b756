"""One name, one class: whoever reads a name anywhere knows which class is meant."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_class_has_its_name_to_itself() -> None:
    places = defaultdict(list)
    for path in (*ROOT.glob("core/**/*.py"), *ROOT.glob("plugins/**/*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(ROOT)))
    assert len(places) > 100
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
