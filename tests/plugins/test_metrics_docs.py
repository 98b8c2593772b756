"""docs/metrics.md has every metric, and the rules and the page in contrib use no other."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric

from lbdisc import events
from lbdisc_metrics.measuring import Measured

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "metrics.md"
CONTRIB = ROOT / "contrib" / "prometheus"
SUFFIX = {"counter": "_total", "info": "_info"}
PARTS = {"counter": ("_total",), "info": ("_info",), "histogram": ("_bucket", "_sum", "_count")}


def families(program: str) -> list[Metric]:
    started = events.ProgramStarted(program=program, version="1", backend="file")
    found = Measured(started, ("nodes",)).registry.collect()
    return [family for family in found if family.name.startswith("lbdisc_")]


def table(program: str) -> str:
    """That of ``docs/metrics.md``, as the code has it."""
    rows = []
    for family in families(program):
        labels = dict.fromkeys(
            name for s in family.samples for name in s.labels if name not in ("le",)
        )
        named = ", ".join(f"`{name}`" for name in labels)
        name = f"{family.name}{SUFFIX.get(family.type, '')}"
        rows.append(f"| `{name}` | {family.type} | {named} | {family.documentation} |")
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("program", ["run", "register"])
def test_the_table_in_the_docs_is_the_code(program: str) -> None:
    part = PAGE.read_text().split(f"<!-- {program} -->")[1].split("<!-- end -->")[0]
    found = "".join(re.findall(r"^\| `lbdisc_.*\n", part, re.MULTILINE))
    assert found == table(program), table(program)


def names() -> set[str]:
    """All series that there can be."""
    found = {"up", "ALERTS", "process_cpu_seconds_total", "process_resident_memory_bytes"}
    for family in [*families("run"), *families("register")]:
        found |= {f"{family.name}{part}" for part in PARTS.get(family.type, ("",))}
    return found


def expressions(board: object) -> list[str]:
    """Everything under a key ``expr``, ``query`` or ``definition``, at any depth."""
    if isinstance(board, list):
        return [found for each in board for found in expressions(each)]
    if not isinstance(board, dict):
        return []
    own = [board[key] for key in ("expr", "definition") if isinstance(board.get(key), str)]
    return own + [found for each in board.values() for found in expressions(each)]


def used(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:lbdisc_[a-z_]+|process_[a-z_]+|ALERTS|up)\b", expression))


def test_rules_and_their_tests_use_metrics_that_there_are() -> None:
    for name in ("lbdisc.rules.yml", "lbdisc.rules.test.yml"):
        text = (CONTRIB / name).read_text()
        found = {word for word in used(text) if word.startswith("lbdisc_")}
        assert len(found) > 15
        assert found - names() == set()


def test_the_dashboard_uses_metrics_that_there_are_and_any_data_source() -> None:
    board = json.loads((CONTRIB / "lbdisc-dashboard.json").read_text())
    found = expressions(board)
    assert len(found) > 20
    assert {word for each in found for word in used(each)} - names() == set()
    sources = {p["datasource"]["uid"] for p in board["panels"]}
    assert sources == {"${datasource}"}
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places)


def test_every_alert_is_in_the_docs() -> None:
    alerts = re.findall(r"alert: (\w+)", (CONTRIB / "lbdisc.rules.yml").read_text())
    page = PAGE.read_text()
    assert len(alerts) > 15
    assert [alert for alert in alerts if f"`{alert}`" not in page] == []


def test_the_console_has_every_panel_of_the_dashboard_and_no_other_host() -> None:
    text = (CONTRIB / "consoles" / "lbdisc.html").read_text()
    board = json.loads((CONTRIB / "lbdisc-dashboard.json").read_text())
    plain = text.replace("\\'", "'")
    assert [p["title"] for p in board["panels"] if f"title: '{p['title']}'" not in plain] == []
    assert used(text) - names() == set()
    assert "{{" not in text  # Prometheus would take it for its template's own
    addresses = set(re.findall(r"https?://[\w.]+", text))
    assert addresses == {"http://www.w3.org"}  # the name of SVG
