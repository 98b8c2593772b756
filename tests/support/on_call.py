"""What rehearsals share: a stage with a node and an agent, and the page for who is on call."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.processes import Process
from support.stage import Stage

GOOD, FAILED, DEGRADED = 0, 1, 4  # exit codes of `lbdisc status`
MOST = 2  # commands until it is clear what is wrong
_PAGE = Path(__file__).parents[2] / "docs" / "on-call.md"


def known(words: str) -> str:
    """``words``, which the page for who is on call has."""
    assert words in _PAGE.read_text()
    return words


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as made:
        made.join("s1")
        yield made


@pytest.fixture
def agent(scene: Stage) -> Process:
    made = scene.agent()
    scene.until_up("s1")
    return made
