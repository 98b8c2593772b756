"""docs/on-call.md quotes what the programs say: each of its words stands in the source."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from lbdisc.cli import COMMANDS, build
from lbdisc.plugins import Plugins

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "on-call.md").read_text()
ANY = "\0"  # stands for what a message is filled with
SOURCES = ("core", *(f"plugins/{name}" for name in ("etcd", "history", "metrics", "serf", "web")))


def rows() -> list[tuple[str, str]]:
    """What is seen, and the section that the table sends one to for it."""
    found = []
    for line in PAGE.partition("## Find the words")[2].partition("\n## ")[0].splitlines():
        if link := re.search(r"\]\(#([a-z-]+)\)", line):
            found += [(words, link[1]) for words in re.findall(r"`([^`]+)`", line)]
    return found


def sections() -> dict[str, str]:
    """The text of each section, by the name that links call it."""
    parts = re.split(r"^## (.+)$", PAGE.partition("## Find the words")[2], flags=re.MULTILINE)
    return {
        re.sub(r"[^a-z-]", "", title.lower().replace(" ", "-")): text
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }


@cache
def templates() -> str:
    """Every text in the source, a line each; what it is filled with is ``ANY``."""
    found = {
        re.sub(f"{ANY}+", ANY, text.replace("\n", " "))
        for folder in SOURCES
        for file in (ROOT / folder).rglob("*.py")
        for text in texts(ast.parse(file.read_text()))
    }
    return "\n".join(sorted(found))


def texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else ANY for p in node.values)


def pattern(words: str, filled: str) -> str:
    return filled.join(map(re.escape, words.split("…")))


@pytest.mark.parametrize("words", [words for words, _ in rows()])
def test_the_programs_say_it(words: str) -> None:
    assert re.search(pattern(words, f" ?{ANY} ?"), templates()), f"nothing says {words!r}"


@pytest.mark.parametrize("section", sorted({section for _, section in rows()}))
def test_each_section_shows_the_words_that_lead_to_it(section: str) -> None:
    example = sections()[section].split("```")[1]
    words = [words for words, leads_to in rows() if leads_to == section]
    assert any(re.search(pattern(each, ".+"), example) for each in words), words


def test_every_command_that_it_names_is_there() -> None:
    named = set(re.findall(r"`lbdisc ([a-z]+)", PAGE))
    assert named - {*COMMANDS, *offered()} == set()


def offered() -> set[str]:
    """The commands that plugins add."""
    return {command.name or "" for command in build(Plugins.load()).registered_commands}
