"""The endpoints of a service in a terminal: as many columns as fit, no name cut off."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from lbdisc.showing import harmless

Row = Mapping[str, Any]
TROUBLE = ("down", "maintenance", "unknown")
_GAP = 2  # signs between two columns


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalColumn:
    """``rank``: where not all fit, those with the highest are left out."""

    head: str
    rank: int
    text: Callable[[Row], str]
    style: Callable[[Row], str] = lambda _row: ""
    right: bool = False


def rank(row: Row) -> int:
    """Who needs a look comes first."""
    if row["state"] in TROUBLE:
        return TROUBLE.index(row["state"])
    return 3 if row["draining"] or row.get("held") or row.get("overruled") else 4


def endpoint_lines(rows: Sequence[Row], width: int) -> Iterator[RenderableType]:
    """The heads, then each of ``rows`` with the check's words on a line of their own."""
    chosen = _fitting(rows, width)
    sizes = [_size(column, rows, width) for column in chosen]
    heads = [Text(column.head, style="dim") for column in chosen]
    yield _line(heads, sizes, chosen)
    for row in rows:
        cells = [Text(column.text(row), style=column.style(row)) for column in chosen]
        if cells[0].cell_len > sizes[0]:  # too long for its column: it has a line for itself
            yield cells[0]
            cells[0] = Text()
        yield _line(cells, sizes, chosen)
        if row["says"]:
            yield Padding(Text(harmless(row["says"])), (0, 0, 0, _GAP))


def _fitting(rows: Sequence[Row], width: int) -> list[TerminalColumn]:
    chosen = list(_COLUMNS)
    while len(chosen) > 2 and sum(_size(one, rows, width) + _GAP for one in chosen) - _GAP > width:
        chosen.remove(max(chosen, key=lambda one: one.rank))
    return chosen


def _size(column: TerminalColumn, rows: Sequence[Row], width: int) -> int:
    """What its widest text needs; of a very long name there is more than one line."""
    widest = max([len(column.head), *(cell_len(column.text(row)) for row in rows)])
    return min(widest, max(width // 3, 12)) if column.rank == 0 else widest


def _line(cells: Sequence[Text], sizes: Sequence[int], chosen: Sequence[TerminalColumn]) -> Text:
    line = Text()
    for cell, size, column in zip(cells, sizes, chosen, strict=True):
        room = " " * max(0, size - cell.cell_len)
        line.append(room if column.right else "")
        line.append_text(cell)
        line.append(" " * _GAP if column.right else room + " " * _GAP)
    line.rstrip()
    return line


def _words(row: Row) -> str:
    found = [row["state"], *(["draining"] if row["draining"] else [])]
    found += ["held"] if row.get("held") else []
    found += [f"overruled: {row['overruled']}"] if row.get("overruled") else []
    return harmless(", ".join(found))


def _colour(row: Row) -> str:
    return {0: "bold red", 1: "yellow", 2: "", 3: "yellow"}.get(rank(row), "green")


def _number(name: str, *, order: int, bad: bool = False) -> TerminalColumn:
    return TerminalColumn(
        head=name.upper(),
        rank=order,
        text=lambda row: str(row.get(name, "-")),
        style=lambda row: "bold red" if bad and row.get(name) else "",
        right=True,
    )


_COLUMNS = (
    TerminalColumn(head="NAME", rank=0, text=lambda row: harmless(row["name"])),
    TerminalColumn(
        head="ADDRESS", rank=4, text=lambda row: harmless(row["at"]), style=lambda _row: "dim"
    ),
    TerminalColumn(head="STATE", rank=1, text=_words, style=_colour),
    _number("sessions", order=3),
    _number("queued", order=5, bad=True),
    _number("requests", order=6),
    _number("errors", order=2, bad=True),
)
