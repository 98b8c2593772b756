"""docs/monitoring.md names checks, events and keys of the status that there are, and all keys."""

import re
from pathlib import Path

from lbdisc import events
from lbdisc.agent.tally import Tally
from lbdisc.state.judging import CHECKS

PAGE = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
BESIDE = {"verdict", "exit_code", "summary", "reasons", "agent", "endpoints"}  # of the command


def cells(title: str, column: int) -> set[str]:
    """What is named in a column of the table in that part of the page."""
    part = re.split(r"^##+ ", PAGE.partition(f"{title}\n")[2], flags=re.MULTILINE)[0]
    rows = [line.split("|")[column] for line in part.splitlines() if line.startswith("| ")]
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


def test_every_key_of_the_status_is_told_of_and_no_other() -> None:
    assert cells("### The keys of `status --json`", 1) == {*Tally(0).found} | BESIDE


def test_every_event_to_alert_on_is_one() -> None:
    names = {
        getattr(events, kind).name
        for kind in events.__all__
        if hasattr(getattr(events, kind), "name")
    }
    assert cells("### By the log", 2) - {"event"} - names == set()


def test_every_check_is_in_the_advice_or_the_table() -> None:
    assert [check for check in CHECKS if f"`{check}`" not in PAGE] == []
