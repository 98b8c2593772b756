"""docs/metrics.md has every metric, and the rules and the page in contrib use no other."""

import re
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric

from lbdisc import events
from lbdisc_metrics.measuring import Measured

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "metrics.md"
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
