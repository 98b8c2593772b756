"""Registry write → first request served by the new node, and leave → last request served."""

import re
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread

from benchmarks.lab_way import lab_serf
from benchmarks.report import Report, arguments, median, milliseconds, ratio
from benchmarks.servers import Apps, ask, scratch
from benchmarks.ways import (
    Maker,
    confd,
    floor,
    has_confd,
    lbdisc_file,
    lbdisc_reload,
    lbdisc_runtime,
)

QUIET = 0.3  # seconds without an answer from a node: it was the last
LIMIT = 20.0  # seconds
SWITCH = 0.0002  # seconds: the requests shall not keep the floor's loop from its turn
WAYS: dict[str, Maker] = {
    "floor: etcdctl watch → socket": floor,
    "lbdisc, etcd, run time": lbdisc_runtime,
    "lbdisc, node file, run time": lbdisc_file,
    "lbdisc, etcd, reload": lbdisc_reload,
    "confd -watch, check and reload": confd,
    "lab: Serf handler, -sf": lab_serf,
}


def measure(make: Maker, folder: Path, count: int) -> tuple[list[float], list[float]]:
    """Seconds of ``count`` joins and leaves, each by itself."""
    names = [f"n{number}" for number in range(count)]
    with Apps(["base", *names]) as apps, make(folder, {"base": apps.ports["base"]}) as way:
        joins, leaves = [], []
        for name in names:
            joins.append(_first(way.port, name, partial(way.join, name, apps.ports[name])))
            time.sleep(way.pause)
            leaves.append(_last(way.port, name, partial(way.leave, name, apps.ports[name])))
            time.sleep(way.pause)
        return joins, leaves


def _first(port: int, name: str, begin: Callable[[], None]) -> float:
    """Seconds from the beginning of ``begin`` to the first answer of ``name``."""
    began = time.monotonic()
    begin()
    while ask(port) != name:
        if time.monotonic() > began + LIMIT:
            raise RuntimeError(f"{name} was not asked in {LIMIT:g} s")
    return time.monotonic() - began


def _last(port: int, name: str, begin: Callable[[], None]) -> float:
    """Seconds from the beginning of ``begin`` to the last answer of ``name``."""
    writer = Thread(target=begin)
    began = last = time.monotonic()
    writer.start()
    while time.monotonic() < max(last, began) + QUIET:
        if ask(port) == name:
            last = time.monotonic()
        if last > began + LIMIT:
            raise RuntimeError(f"{name} still serves after {LIMIT:g} s")
    writer.join()
    return last - began


def main() -> None:
    given = arguments(__doc__)
    quick = given.quick
    count = 3 if quick else 30
    sys.setswitchinterval(SWITCH)
    report = Report("Join and leave: registry write → first and last request", quick=quick)
    rows, base = [], (0.0, 0.0)
    for name, make in WAYS.items():
        if not re.search(given.only, name):
            continue
        if make is confd and not has_confd():
            rows.append([name, "not on this machine", "", "", ""])
            continue
        with scratch() as folder:
            joins, leaves = measure(make, folder / "way", count)
        if make is floor:
            base = median(joins), median(leaves)
        times = ratio(median(joins), base[0]), ratio(median(leaves), base[1])
        rows.append([name, milliseconds(joins), times[0], milliseconds(leaves), times[1]])
        print(rows[-1], flush=True)
    ms = "ms, median (p95)"
    report.table(
        ["way", f"join → first request, {ms}", "× floor", f"leave → last, {ms}", "× floor"], rows
    )
    report.note(
        f"{count} joins and leaves each, one other node, requests without pause over new "
        "connections. The lab's join begins with the start of the node's Serf agent, its leave "
        "with SIGINT to it; all others begin with the write to the registry. Reload: the defaults, "
        "0.2 s of quiet; the changes are far enough apart to owe nothing to the least distance "
        "of reloads (1 s)."
    )
    report.finish()


if __name__ == "__main__":
    main()
