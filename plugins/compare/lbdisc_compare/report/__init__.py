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


def thin(ndjson: Path, out: Path, *, most_bytes: int | None = None) -> Path:
    """Write to the file ``out`` a file of samples with which the same report is made.

    It has the header, which says what was left out, all samples, ends, absences, breakdowns and
    simulated points, and of what happened that which the timelines draw. Where that is more than
    ``most_bytes`` (4 MB), samples lose the second at which they were taken. Raises ``OSError``;
    ``ValueError`` where it is more all the same.
    """
    from lbdisc_compare.report.thinning import MOST_BYTES
    from lbdisc_compare.report.thinning import thin as thinned

    return thinned(ndjson, out, most_bytes=MOST_BYTES if most_bytes is None else most_bytes)


def table(ndjson: Path) -> "RenderableType":
    """The verdicts for a terminal. Raises ``OSError``."""
    from lbdisc_compare.report.terminal import table as tabled

    return tabled(ndjson)
