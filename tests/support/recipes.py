"""The commands that the documentation gives, as a test runs them."""

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def recipe(page: str, first: str) -> str:
    """The block in ``page`` that begins with ``first``. Raises ``StopIteration``."""
    blocks = (DOCS / page).read_text().split("```")[1::2]
    bodies = (block.partition("\n")[2] for block in blocks)
    return next(body for body in bodies if body.startswith(first))
