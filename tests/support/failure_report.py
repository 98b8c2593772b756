"""The failure matrix as a table: faults × registries, from the tests that ran."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROPERTY = "failure_matrix"
COLUMNS = ("file", "serf", "etcd", "zookeeper")
TARGET = 2.0  # seconds to agreement on a machine with nothing else to do; the table marks more
AGREED = 15.0  # seconds to agreement that a test allows; more is a hang on any machine
TELLS = 0.1  # seconds; what a registry takes to tell its own client is shown from here on
_HEAD = """# Failure matrix

What a fault costs on each registry, under {rate} requests a second and with four nodes that
registered themselves. Made on {date} by

    pytest --failure-matrix docs/failure-matrix.md tests/system/test_failure_matrix_*.py

Each cell is a test on the real servers. It says how many requests were lost, and after how many
seconds HAProxy itself said what the registry says. The clock starts when the registry's own client
beside HAProxy lists the change (etcd's JSON gateway, a ZooKeeper client, the members of the very
Serf agent that lbdisc reads, the folder), or when the fault ends if that is later; where the agent
starts again, at the start of its process. What the registry itself took until its client listed
the change, after it was made or the fault had ended, is told apart (*registry 4.21 s*) where it is
{tells} s or more: for Serf that is gossip, for the others the rest of a lease, and where nodes
start it is their start. What the guard holds back counts as agreed once HAProxy and `lbdisc status`
say so. A lost request fails the test, and so does an agreement after more than {agreed:.0f} s; more
than the {target:.0f} s that are promised is **bold**. The moments at which the agent is killed are
named, and held open, in `tests/support/killing.py`; the slowest counts.

{over} The machine has {cores} cores, and had a load of {least:.0f} to {most:.0f} at the end of a
cell: above {cores}, every start takes longer.

"""


@dataclass(slots=True)
class Found:
    """What became of one cell."""

    row: str
    column: str
    place: tuple[str, int] = ("", 0)  # where the test is, which is the order of the rows
    lost: int = 0
    apart: dict[str, int] = field(default_factory=dict)
    seconds: float | None = None
    told: float | None = None
    load: float = 0.0
    outcome: str = ""
    reason: str = ""

    def text(self, note: "Notes") -> str:
        """The cell's text; what needs more words goes into a note."""
        if self.outcome == "skip":
            return f"– {note(self.reason)}"
        failed = f"**failed** {note(self.reason)}: " if self.outcome == "fail" else ""
        seconds = f", {self._times(self.seconds)}" if self.seconds is not None else ""
        apart = [f"+{count} {note(why)}" for why, count in sorted(self.apart.items())]
        return f"{failed}{self.lost} lost{seconds}" + (f" ({', '.join(apart)})" if apart else "")

    def _times(self, seconds: float) -> str:
        agreed = f"**{seconds:.2f} s**" if self.late else f"{seconds:.2f} s"
        told = self.told or 0.0
        return f"{agreed}, registry {told:.2f} s" if told >= TELLS else agreed

    @property
    def late(self) -> bool:
        return self.seconds is not None and self.seconds > TARGET


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
        in_order = sorted(self._cells.values(), key=lambda found: found.place)
        for row in dict.fromkeys(found.row for found in in_order):
            cells = [self._cells.get((row, column)) for column in columns]
            lines.append(_row([row, *(found.text(note) if found else "" for found in cells)]))
        notes = [f"{number}. {text}" for number, text in enumerate(note.texts, 1)]
        loads = [found.load for found in self._cells.values() if found.load]
        head = _HEAD.format(
            rate=rate,
            agreed=AGREED,
            date=time.strftime("%Y-%m-%d", time.gmtime()),
            cores=os.cpu_count(),
            target=TARGET,
            tells=TELLS,
            least=min(loads, default=0.0),
            most=max(loads, default=0.0),
            over=self._over(),
        )
        tail = [
            "",
            "Notes (`+n`: requests that nothing could serve, counted apart):",
            "",
        ]
        return head + "\n".join([*lines, *(tail if notes else []), *notes]) + "\n"

    def _over(self) -> str:
        measured = [found for found in self._cells.values() if found.seconds is not None]
        late = [found for found in measured if found.late]
        return f"{len(late) or 'None'} of {len(measured)} cells took longer than {TARGET:.0f} s."


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"
