"""What a person sees: a live table on a terminal, plain lines elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lbdisc_lab.demo.evidence import DemoReport, Seen, explain
from lbdisc_lab.stats import Row
from lbdisc_lab.traffic import Counts

BAR = 24  # characters of the longest bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One moment of the demo."""

    title: str
    servers: Mapping[str, Row] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    generation: int | None = None


class Screen(Protocol):
    """Where the demo is shown."""

    def say(self, line: str) -> None:
        """A line that stays."""

    def begin(self, title: str) -> None:
        """A step begins."""

    def show(self, view: Moment) -> None:
        """The moment that replaces the last one."""

    def seen(self, seen: Seen) -> None:
        """A step is done."""


class PlainScreen:
    """Lines only."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)

    def begin(self, title: str) -> None:
        self.say(title)

    def show(self, view: Moment) -> None:
        """Nothing: a moment is not worth a line."""

    def seen(self, seen: Seen) -> None:
        self._console.print(_seen_line(seen), soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to put back."""


class LiveScreen(PlainScreen):
    """A table that is drawn anew below the lines."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._title = ""
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def begin(self, title: str) -> None:
        self._title = title  # the table has it until the step is done

    def show(self, view: Moment) -> None:
        self._live.update(frame(view), refresh=True)

    def seen(self, seen: Seen) -> None:
        self.say(self._title)
        super().seen(seen)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()


def frame(view: Moment) -> Group:
    """``view`` as the live table and the line below it."""
    table = Table(box=box.SIMPLE_HEAD, title=Text(view.title, "bold"), title_justify="left")
    table.add_column("node")
    table.add_column("HAProxy says", min_width=12)
    table.add_column("requests", justify="right", min_width=8)
    table.add_column("", min_width=BAR)
    most = max(view.counts.nodes.values(), default=1)
    for name in sorted({*view.servers, *view.counts.nodes}):
        requests = view.counts.nodes.get(name, 0)
        row = view.servers.get(name)
        bar = Text("█" * round(BAR * requests / most), "blue" if row and row.up else "bright_black")
        table.add_row(name, _status(row), f"{requests:,}", bar)
    if not table.row_count:
        table.add_row(Text("none yet", "bright_black"), "", "", "")
    return Group(Text(), table, _totals(view))


def _status(row: Row | None) -> Text:
    if row is None:
        return Text("gone", "bright_black")
    return Text(row.status, "green" if row.up else "yellow")


def _totals(view: Moment) -> Text:
    counts = view.counts
    return Text.assemble(
        "  generation ",
        (str(view.generation or "-"), "bold"),
        f"  requests {counts.requests:,}  lost ",
        (str(counts.lost), "bold red" if counts.lost else "bold green"),
        f"  too early {counts.no_node_yet:,}  p95 {counts.p95:.1f} ms",
    )


def _seen_line(seen: Seen) -> Text:
    counts = seen.counts
    names = ", ".join(name for name, row in seen.servers.items() if row.up) or "no node"
    gone = "" if seen.gone is None else f", others gone after {seen.gone:.2f} s"
    return Text.assemble(
        ("  ✓ ", "green"),
        f"{names} up after {seen.seconds:.2f} s{gone}; {counts.requests} requests, ",
        (f"{counts.lost} lost", "bold red" if counts.lost else ""),
        f", {counts.no_node_yet} too early" if counts.no_node_yet else "",
    )


def summary(report: DemoReport) -> Table:
    """The steps of the report as a table."""
    # Eighty characters are enough.
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("step", no_wrap=True)
    for head in ("seen", "gone", "gen.", "requests", "lost"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("HAProxy lists", no_wrap=True)
    for seen in report.steps:
        table.add_row(
            f"{seen.step.number} {seen.step.title}",
            f"{seen.seconds:.2f} s",
            "" if seen.gone is None else f"{seen.gone:.2f} s",
            str(seen.generation or "-"),
            str(seen.counts.requests),
            Text(str(seen.counts.lost), "bold red" if seen.counts.lost else "green"),
            " ".join(seen.servers) or "-",
        )
    return table


def verdict(report: DemoReport) -> list[str]:
    """What the report comes to, and each failure on a line of its own."""
    counts = report.counts
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    lines = [
        f"backend {report.backend}; {versions}",
        f"{counts.requests:,} requests at {report.rate:g}/s: {counts.served:,} served, "
        f"{counts.lost} lost, {counts.no_node_yet} too early (503, no node yet)",
        f"latency: median {counts.median:g} ms, p95 {counts.p95:g} ms, "
        f"slowest {counts.slowest:g} ms",
    ]
    if counts.lost:
        lines.append(f"FAILED: {explain(report.losses, counts.lost)}")
    lines += [f"FAILED: {line}" for line in report.missing]
    if report.ok:
        lines.append("Every step was seen in HAProxy's own statistics; no request was lost.")
    return lines
