"""The failure matrix as a table: faults × registries, from the tests that ran."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROPERTY = "failure_matrix"
COLUMNS = ("file", "serf", "etcd", "zookeeper")
# Seconds to agreement that a test allows. The target is 2 on a machine with nothing else to do,
# which the table shows; more than this is a hang on any.
AGREED = 15.0
_HEAD = """# Failure matrix

What a fault costs on each registry, under {rate} requests a second and with four nodes that
registered themselves. Made on {date} by

    pytest --failure-matrix docs/failure-matrix.md tests/system/test_failure_matrix_*.py

Each cell is a test on the real servers. It says how many requests were lost, and after how many
seconds HAProxy itself said what the registry says. The clock starts at the registry's own news, or
when the fault ends if that is later; where the agent starts again, at the start of its process.
What the guard holds back counts as agreed once HAProxy and `lbdisc status` say so. A lost request
fails the test, and so does an agreement after more than {agreed:.0f} s. The moments at which the
agent is killed are named, and held open, in `tests/support/killing.py`; the slowest counts. At its
end the machine, with {cores} cores, had a load of {load:.0f}: above {cores}, every start takes
longer.

"""


@dataclass(slots=True)
class Found:
    """What became of one cell."""

    row: str
    column: str
    lost: int = 0
    apart: dict[str, int] = field(default_factory=dict)
    seconds: float | None = None
    outcome: str = ""
    reason: str = ""

    def text(self, note: "Notes") -> str:
        """The cell's text; what needs more words goes into a note."""
        if self.outcome == "skip":
            return f"– {note(self.reason)}"
        failed = f"**failed** {note(self.reason)}: " if self.outcome == "fail" else ""
        seconds = "" if self.seconds is None else f", {self.seconds:.2f} s"
        apart = [f"+{count} {note(why)}" for why, count in sorted(self.apart.items())]
        return f"{failed}{self.lost} lost{seconds}" + (f" ({', '.join(apart)})" if apart else "")


class Notes:
    """Footnotes, numbered as they come; equal ones share a number."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, text: str) -> str:
        if text not in self.texts:
            self.texts.append(text)
        return f"[{self.texts.index(text) + 1}]"


class Matrix:
    """Collects cells and writes the table."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str], Found] = {}

    def add(self, measured: dict[str, Any], *, outcome: str, reason: str) -> None:
        """A test's outcome; the worst of its phases stays."""
        found = Found(**measured, outcome=outcome, reason=reason)
        key = found.row, found.column
        old = self._cells.get(key)
        if old is None or old.outcome == "pass":
            self._cells[key] = found

    def write(self, path: Path, *, rate: int) -> None:
        """Write Markdown to `path`."""
        path.write_text(self.markdown(rate=rate), encoding="utf-8")

    def markdown(self, *, rate: int) -> str:
        columns = [c for c in COLUMNS if any(column == c for _, column in self._cells)]
        note = Notes()
        lines = [_row(["Fault", *columns]), _row(["---"] * (len(columns) + 1))]
        for row in dict.fromkeys(row for row, _ in self._cells):
            cells = [self._cells.get((row, column)) for column in columns]
            lines.append(_row([row, *(found.text(note) if found else "" for found in cells)]))
        notes = [f"{number}. {text}" for number, text in enumerate(note.texts, 1)]
        head = _HEAD.format(
            rate=rate,
            agreed=AGREED,
            date=time.strftime("%Y-%m-%d", time.gmtime()),
            cores=os.cpu_count(),
            load=os.getloadavg()[0],
        )
        tail = [
            "",
            "Notes (`+n`: requests that nothing could serve, counted apart):",
            "",
        ]
        return head + "\n".join([*lines, *(tail if notes else []), *notes]) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"
