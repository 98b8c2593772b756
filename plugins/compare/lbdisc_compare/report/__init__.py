"""Samples as a page, a summary, a picture and a table."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType


def write(ndjson: Path, out: Path) -> list[Path]:
    """Write ``report.html``, ``summary.md`` and pictures into ``out``; returns what was written.

    ``ndjson`` may be of a run that did not end. Raises ``OSError``.
    """
    from lbdisc_compare.report.writing import write as written

    return written(ndjson, out)


def table(ndjson: Path) -> "RenderableType":
    """The verdicts for a terminal. Raises ``OSError``."""
    from lbdisc_compare.report.terminal import table as tabled

    return tabled(ndjson)
