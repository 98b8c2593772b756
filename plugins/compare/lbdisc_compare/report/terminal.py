"""The verdicts as a table in a terminal."""

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lbdisc_compare.report.charts.canvas import harmless
from lbdisc_compare.report.known import Catalogues
from lbdisc_compare.report.page import SIGNS, Report, composed
from lbdisc_compare.report.reading import read
from lbdisc_compare.report.rules import WayVerdict
from lbdisc_compare.report.wording import brief

STYLES = {
    "good": "bold cyan",
    "fair": "",
    "poor": "bold magenta",
    "busy": "dim",
    "related": "dim",
    "absent": "dim",
}


def table(ndjson: Path, known: Catalogues | None = None) -> RenderableType:
    """Ways by properties; what is no verdict says why below."""
    known = known or Catalogues.catalogued()
    report = composed(read(ndjson), known, ndjson.name)
    rows = Table(
        title=Text(report.headline, style="bold"),
        title_justify="left",
        pad_edge=False,
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    rows.add_column("", min_width=max((len(way) for way in report.verdicts.ways), default=0))
    for rule in report.verdicts.rules:
        rows.add_column(Text(rule.name), justify="right", min_width=len(rule.name))
    for way in report.verdicts.ways:
        rows.add_row(Text(harmless(way)), *(_cell(one) for one in report.verdicts.row(way)))
    words = "; ".join(f"{rule.name}: {rule.title.lower()}" for rule in report.verdicts.rules)
    return Group(
        rows,
        *(Text(line) for line in _surprises(report)),
        *(Text(line, style="dim") for line in (words, *_reasons(report))),
    )


def _cell(verdict: WayVerdict) -> Text:
    text = Text(SIGNS[verdict.mark], style=STYLES[verdict.mark])
    if verdict.value is not None and verdict.series is not None:
        text.append(f" {brief(verdict.value, verdict.series.unit)}")
    if verdict.relative is not None:
        text.append(f" {harmless(verdict.relative.way)}")
    return text


def _surprises(report: Report) -> list[str]:
    """What surprised most, with the command that measures it again."""
    found = [
        f"{number}. {harmless(one.text(report.known))}\n   {harmless(one.command)}"
        for number, one in enumerate(report.surprises, 1)
    ]
    return ["What surprised most:", *found] if found else []


def _reasons(report: Report) -> list[str]:
    """Why figures are missing, each reason once."""
    found: dict[str, list[str]] = {}
    for way in report.verdicts.ways:
        for verdict in report.verdicts.row(way):
            if verdict.mark == "absent":
                ways = found.setdefault(harmless(verdict.reason), [])
                ways += [] if way in ways else [way]
    lines = [f"{', '.join(map(harmless, ways))}: {reason}" for reason, ways in found.items()]
    return [*lines, *map(harmless, report.reading.problems)]
