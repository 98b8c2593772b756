"""Figures as tables: medians, 95th percentiles, and what machine they come from."""

import argparse
import logging
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import structlog

RESULTS = Path(__file__).parent / "RESULTS.md"
HEADING = "# Results\n\nAppended by the programs beside this file; the newest run stands last.\n"


def median(values: Iterable[float]) -> float:
    return percentile(values, 0.5)


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which ``share`` of ``values`` are; ``nan`` without any."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def milliseconds(values: Iterable[float]) -> str:
    """``median (p95)`` in ms of ``values`` in seconds."""
    found = list(values)
    if not found:
        return "-"
    return f"{shown(median(found) * 1000)} ({shown(percentile(found, 0.95) * 1000)})"


def seconds(values: Iterable[float]) -> str:
    """``median (least to most)`` in s."""
    found = list(values)
    if not found:
        return "-"
    return f"{median(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def shown(value: float) -> str:
    return f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"


def ratio(value: float, base: float) -> str:
    return f"{value / base:.1f}" if base else "-"


class Report:
    """One run of one benchmark. ``quick`` runs are shown and not kept: they prove nothing."""

    def __init__(self, title: str, *, quick: bool) -> None:
        self._quick = quick
        self._load = os.getloadavg()[0]
        self._began = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        self._clock = time.monotonic()
        self._parts = [f"\n## {title}\n"]

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
        lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
        self._parts.append("\n".join(lines) + "\n")

    def note(self, text: str) -> None:
        self._parts.append(text + "\n")

    def finish(self) -> None:
        """Show the run, and keep it in ``RESULTS.md``."""
        took = time.monotonic() - self._clock
        load = f"load before {self._load:.1f}"
        where = f"{self._began}, {os.cpu_count()} cores, {load}, took {took:.0f} s"
        self._parts.insert(1, f"{where}; {versions()}.\n")
        text = "\n".join(self._parts)
        print(text, flush=True)
        if self._quick:
            return
        if not RESULTS.exists():
            RESULTS.write_text(HEADING)
        with RESULTS.open("a") as results:
            results.write(text)


def versions() -> str:
    """What was measured with."""
    said = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=True).stdout
    return f"HAProxy {said.split()[2]}, Python {platform.python_version()}"


def arguments(description: str | None) -> argparse.Namespace:
    """``--quick`` and ``--only``; what HAProxy says of itself is not shown."""
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # what was started ends as well
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small counts; nothing is kept")
    parser.add_argument("--only", default="", help="the ways whose names match this expression")
    return parser.parse_args()
