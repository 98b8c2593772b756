"""Where a report goes: an earlier one is replaced, and nothing else is ever removed."""

from pathlib import Path

import pytest

from lbdisc.errors import SettingsError
from lbdisc_lab.tasks.folder import TITLE, prepared


def test_an_earlier_report_is_replaced_and_all_else_stays(tmp_path: Path) -> None:
    (tmp_path / "steps" / "6-1").mkdir(parents=True)
    for name in ("report.html", "steps/6-1/nodes.txt", "notes.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "report.md").write_text(f"{TITLE}backend `serf`\n")
    prepared(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "report.md"]


def test_a_report_that_was_not_finished_is_replaced(tmp_path: Path) -> None:
    assert prepared(prepared(tmp_path / "new")) == tmp_path / "new"


@pytest.mark.parametrize("name", ["report.md", "notes.txt", "steps"])
def test_a_folder_of_somebody_else_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("# My year's report\n")
    with pytest.raises(SettingsError, match=r"no report of the lab: give another$"):
        prepared(tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["# My year's report\n"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("x")
    with pytest.raises(SettingsError, match="no report of the lab"):
        prepared(tmp_path / "report")
