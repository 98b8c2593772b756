"""Documentation is true: settings, commands and hooks are described, links lead somewhere."""

import re
from pathlib import Path

import pytest

from lbdisc.cli import COMMANDS
from lbdisc.hooks import Hooks
from lbdisc.plugins import Plugins
from lbdisc.settings.reference import settings_reference

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_settings_reference_is_up_to_date() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    assert page.split("\n\n", 2)[2] == settings_reference(Plugins.load().tables), (
        "run: lbdisc config reference"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere_and_nothing_is_left_to_fill_in(page: Path) -> None:
    text = page.read_text()
    assert "@@" not in text
    assert "TODO" not in text
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    assert [command for command in COMMANDS if f"`lbdisc {command}" not in text] == []


def test_every_hook_is_in_the_guide_or_the_change_log() -> None:
    text = "".join(page.read_text() for page in PAGES)
    hooks = [name for name in dir(Hooks) if name.startswith("lbdisc_")]
    assert [hook for hook in hooks if f"`{hook}`" not in text] == []
