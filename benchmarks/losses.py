"""Requests lost while 100 nodes join and leave under 1,000 requests/s."""

import re
import time
from collections import deque
from itertools import zip_longest
from pathlib import Path
from typing import Any

from benchmarks.lab_way import lab_scripts
from benchmarks.load import load
from benchmarks.report import Report, arguments, shown
from benchmarks.servers import Apps, scratch
from benchmarks.ways import Maker, confd, floor, has_confd, lbdisc_reload, lbdisc_runtime

RATE = 1000  # requests/s
EVERY = 0.12  # seconds between two changes
GRACE = 2.5  # seconds that an app serves on after its leave
STAY = 5  # nodes that have joined and not yet left
BASE = ("b1", "b2", "b3", "b4")
WAYS: dict[str, Maker] = {
    "floor: etcdctl watch → socket": floor,
    "lbdisc, run time": lbdisc_runtime,
    "lbdisc, reload": lbdisc_reload,
    "confd -watch, check and reload": confd,
    "lab: scripts, -sf": lab_scripts,
}


def measure(make: Maker, folder: Path, count: int, *, keep_alive: bool) -> dict[str, Any]:
    """What was sent and lost while ``count`` nodes join, and leave when ``STAY`` more have."""
    names = [f"n{number}" for number in range(count)]
    with Apps([*BASE, *names]) as apps:
        base = {name: apps.ports[name] for name in BASE}
        with make(folder, base) as way:
            before = way.reloads()
            leaving: deque[tuple[float, str]] = deque()
            with load(way.port, RATE, keep_alive=keep_alive) as found:
                for name, old in zip_longest(names, [""] * STAY + names):
                    if name:
                        way.join(name, apps.ports[name])
                        time.sleep(EVERY)
                    if old:
                        way.leave(old, apps.ports[old])
                        leaving.append((time.monotonic() + GRACE, old))
                        time.sleep(EVERY)
                    while leaving and leaving[0][0] < time.monotonic():
                        apps.close(leaving.popleft()[1])
                time.sleep(GRACE)
                for _, name in leaving:
                    apps.close(name)
                time.sleep(0.5)
            return {**found, "reloads": way.reloads() - before}


def main() -> None:
    given = arguments(__doc__)
    quick = given.quick
    count = 10 if quick else 100
    report = Report(f"Requests lost in {count} joins and {count} leaves", quick=quick)
    rows: list[list[object]] = []
    for name, make in WAYS.items():
        if not re.search(given.only, name):
            continue
        if make is confd and not has_confd():
            rows.append([name, "not on this machine", *[""] * 6])
            continue
        for keep_alive in (False, True):
            with scratch() as folder:
                found = measure(make, folder / "way", count, keep_alive=keep_alive)
            rows.append(_row(name, keep_alive, found))
            print(rows[-1], flush=True)
    columns = ("way", "connections", "sent", "requests/s", "lost", "how", "p99, ms", "reloads")
    report.table(columns, rows)
    report.note(
        f"{RATE} requests/s asked for over 20 connections that never repeat a request; a change "
        f"every {EVERY * 1000:.0f} ms (the lab: plus the time of its scripts, without Serf's "
        f"second), four nodes that stay, and a leaving app serves on for {GRACE:g} s."
    )
    report.finish()


def _row(name: str, keep_alive: bool, found: dict[str, Any]) -> list[object]:
    reasons = ", ".join(f"{count} {reason}" for reason, count in found["reasons"].items()) or "-"
    how = "keep-alive" if keep_alive else "new each"
    rate, slow = shown(found["rate"]), shown(found["p99"])
    return [name, how, f"{found['sent']:,}", rate, found["lost"], reasons, slow, found["reloads"]]


if __name__ == "__main__":
    main()
