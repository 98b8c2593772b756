"""What was said by whoever found a fault, one file each; ``tests/fuzz/corpus`` by the reader."""

from pathlib import Path

import pytest

CORPUS = Path(__file__).parent / "corpus"


def seeds(kind: str) -> list[Path]:
    found = sorted(path for path in (CORPUS / kind).iterdir() if path.is_file())
    assert found, f"no corpus of {kind}"
    return found


def each(kind: str) -> pytest.MarkDecorator:
    """The test gets ``seed``, the path of one file after the other."""
    return pytest.mark.parametrize("seed", seeds(kind), ids=lambda path: path.stem)
