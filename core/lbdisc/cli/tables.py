"""Tables: drawn by rich on a terminal, plain columns otherwise."""

import sys
from collections.abc import Sequence

from lbdisc.showing import harmless

MOST = 300  # characters of one cell: one of 60 kB would make every row as wide


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """Print ``rows`` under ``head`` on standard output; long cells are cut, JSON has them whole."""
    cut = [[harmless(cell, MOST) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich(head, cut, title)
    else:
        _plain(head, cut)


def _plain(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")


def _rich(head: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, box=box.SIMPLE_HEAD, title=title or None, title_justify="left")
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    Console().print(table)


_STYLES = {
    "ready": "green",
    "ok": "green",
    "draining": "yellow",
    "waiting": "yellow",
    "lost": "bold red",
    "broken": "bold red",
}
