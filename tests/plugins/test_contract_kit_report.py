"""The table of promise × plugin, as pytest writes it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lbdisc.testing.report import ContractReport

SUITE = """
from typing import ClassVar
import pytest
from lbdisc.testing import Backend, ContractSuite

class Nothing(Backend):
    name = "nothing"
    cannot: ClassVar = {"wipe": "nothing | is there"}
    def settings(self): return {}
    def write(self, endpoint): pass
    def remove(self, endpoint): pass
    def discovery(self): raise RuntimeError("no such thing")

class TestOne(ContractSuite):
    plugin = "one"
    @pytest.fixture
    def backend(self):
        with Nothing() as backend:
            yield backend
    def test_added_endpoint_is_published(self, backend): pass

class TestTwo(TestOne):
    plugin = "two"
    @pytest.mark.xfail(reason="not yet", strict=True)
    def test_added_endpoint_is_published(self, backend): raise AssertionError

def test_something_else(): pass
"""
WIPE = "cannot wipe: nothing | is there"
BROKEN = "RuntimeError: no such thing"
CHOSEN = "added or wiped or empty or compacted or else"


def run(folder: Path, report: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    (folder / "test_suite.py").write_text(SUITE)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-k", CHOSEN, "--lbdisc-report", report, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=140,
    )


@pytest.mark.timeout(150)  # xdist starts one more interpreter
@pytest.mark.parametrize("arguments", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_classes_and_processes_end_in_one_table(tmp_path: Path, arguments: tuple[str]) -> None:
    result = run(tmp_path, "report.json", *arguments)
    assert result.returncode == 1, result.stdout + result.stderr
    rows = json.loads((tmp_path / "report.json").read_text())
    assert {(row["plugin"], row["test"], row["outcome"], row["reason"]) for row in rows} == {
        ("one", "test_empty_at_start", "fail", BROKEN),
        ("two", "test_empty_at_start", "fail", BROKEN),
        ("one", "test_added_endpoint_is_published", "pass", ""),
        ("two", "test_added_endpoint_is_published", "xfail", "not yet"),
        ("one", "test_wiped_registry_is_filled_again", "skip", WIPE),
        ("two", "test_wiped_registry_is_filled_again", "skip", WIPE),
        ("one", "test_compacted_history_loses_nothing", "fail", BROKEN),
        ("two", "test_compacted_history_loses_nothing", "fail", BROKEN),
    }
    # An override is still about the suite's own promise.
    added = {row["promise"] for row in rows if row["test"] == "test_added_endpoint_is_published"}
    assert added == {"An endpoint that comes is published."}


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    result = run(tmp_path, "report.html")
    assert result.returncode == 4
    assert "report.html: the name must end in .md or .json" in result.stderr


def test_unused_the_option_imports_nothing() -> None:
    code = (
        "import sys, lbdisc.testing.pytest_plugin\n"
        "heavy = {'pydantic', 'structlog', 'inotify_simple', 'typer', 'jinja2'} & {*sys.modules}\n"
        "assert not heavy, heavy\n"
        "assert 'lbdisc.testing.contract' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_markdown_has_a_column_for_each_plugin_and_reasons_below() -> None:
    report = ContractReport()
    for plugin, outcome, reason in (("b", "pass", ""), ("a", "skip", "no | pipe")):
        report.add(
            plugin=plugin, test="test_x", promise="It works.", outcome=outcome, reason=reason
        )
    report.add(plugin="a", test="test_y", promise="Always.", outcome="skip", reason="no | pipe")
    assert report.as_markdown().splitlines() == [
        "| Promise | a | b |",
        "| --- | --- | --- |",
        "| It works. | skip (1) | pass |",
        "| Always. | skip (1) |  |",
        "",
        "1. a: no | pipe",
    ]


def test_the_worst_verdict_on_a_promise_stays() -> None:
    report = ContractReport()
    for outcome in ("pass", "fail", "skip"):
        report.add(plugin="a", test="test_x", promise="It works.", outcome=outcome, reason="")
    assert [verdict.outcome for verdict in report.verdicts] == ["fail"]
