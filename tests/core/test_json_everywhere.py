"""Every command that prints has ``--json``, or is one of a few with a reason."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from lbdisc.cli import build
from lbdisc.plugins import Plugins

DOCUMENT = Path(__file__).parents[2] / "docs" / "json.md"
# What prints and has no --json, and why.
WITHOUT = {
    "run": "it prints its log, whose lines are JSON by log.format",
    "register": "it prints its log, whose lines are JSON by log.format",
    "config reference": "it prints Markdown, docs/settings.md",
    "config schema": "it prints JSON as it is: a JSON Schema",
    "config export": "it prints TOML, for a file",
    "compare": "its samples are a file of JSON, a line each, and its report is made of them",
}
# Of plugins, whose documents say what is in theirs.
ELSEWHERE = ("history", "why", "show", "diff", "replay", "rollback", "top")


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """All that can be called, by their words; typer brings a click of its own."""
    for name, command in group.commands.items():
        words = f"{before}{name}"
        if hasattr(command, "commands"):
            yield from commands(command, f"{words} ")
            if not command.invoke_without_command:
                continue
        yield words, command


def tree() -> dict[str, Any]:
    return dict(commands(typer.main.get_command(build(Plugins.load()))))


def test_every_command_has_json_or_a_reason() -> None:
    without = {
        words
        for words, command in tree().items()
        if not any("--json" in option.opts for option in command.params)
    }
    assert without == WITHOUT.keys()


def test_the_document_names_every_command_with_json_and_every_reason() -> None:
    text = DOCUMENT.read_text()
    for words in tree().keys() - {*WITHOUT, *ELSEWHERE}:
        assert f"`lbdisc {words}" in text, words
    for words, reason in WITHOUT.items():
        assert f"| `lbdisc {words}` | {reason} |" in text
