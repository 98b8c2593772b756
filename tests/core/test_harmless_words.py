"""Whatever a registry, a file or a plugin says: the log, tables and causes stay readable."""

import io
import json
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from lbdisc.builtin.journal.journal import Journal
from lbdisc.cli.logs import set_up
from lbdisc.cli.tables import show_table
from lbdisc.events import Cause, EntriesSkipped, RegistryLost
from lbdisc.settings.tables import LogSettings
from lbdisc.showing import harmless
from lbdisc.values import Problem

ODD = "\x1b[2J\x1b]0;owned\x07\u202e\u200b\r\n\x00\x9b5m\u2028"


@pytest.fixture(params=["text", "json"])
def out(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What the log says, in either form."""
    stream = io.StringIO()
    form: Literal["text", "json"] = request.param
    set_up(LogSettings(format=form), stream)
    yield stream
    structlog.reset_defaults()


def test_no_value_says_anything_to_a_terminal(out: io.StringIO) -> None:
    structlog.get_logger("x").warning(f"event {ODD}", reason=ODD * 100, file=f"é{ODD}")
    (line,) = out.getvalue().splitlines()
    assert line.isprintable()


def test_a_value_is_cut(out: io.StringIO) -> None:
    structlog.get_logger("x").warning("event", reason="x" * 1_000_000, other="\n" * 1_000_000)
    assert len(out.getvalue()) < 10_000


def test_a_traceback_keeps_its_lines_and_no_more(out: io.StringIO) -> None:
    Journal().hear(RegistryLost(kind="registry", error="e", retry_s=1, trace=f"a\n{ODD}\nb" * 9999))
    said = out.getvalue()
    assert len(said) < 50_000
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_a_hundred_thousand_problems_are_one_short_line(out: io.StringIO) -> None:
    entries = tuple(Problem(f"/lbdisc/web/{'n' * 255}{i}", ODD * 100) for i in range(1000))
    Journal().hear(EntriesSkipped(entries=entries, more=100_000))
    (line,) = out.getvalue().splitlines()
    assert len(line) < 10_000


def test_letters_of_other_writings_stay_in_the_log(out: io.StringIO) -> None:
    structlog.get_logger("x").warning("event", file="/home/müller/узлы")
    said = out.getvalue()
    assert "müller" in said or json.loads(said)["file"] == "/home/müller/узлы"


def test_a_cause_is_one_short_line() -> None:
    cause = str(Cause(source="file", revision=ODD * 10_000))
    assert cause.isprintable()
    assert len(cause) < 400


def test_one_long_cell_makes_no_wide_table(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("NAME", "TAGS", "STATE"), [("a", "x" * 60_000 + ODD, "up")] + [("b", "", "")] * 99)
    said = capsys.readouterr().out
    assert len(said) < 100_000
    assert "\x1b" not in said


def test_nothing_printable_is_changed() -> None:
    assert harmless("grün \\ узел") == "grün \\ узел"
    assert harmless("a\x1bb") == "a\\x1bb"
