"""Registry write → first request served by the new node, and leave → last request served."""

import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.lab_way import lab_serf
from benchmarks.more_ways import lbdisc_serf, lbdisc_zookeeper
from benchmarks.reader import PAUSE, Reader
from benchmarks.report import Report, arguments, median, milliseconds, ratio
from benchmarks.responders import responders
from benchmarks.servers import free_ports, scratch
from benchmarks.ways import (
    Maker,
    confd,
    floor,
    has_confd,
    lbdisc_file,
    lbdisc_reload,
    lbdisc_runtime,
)

WAYS: dict[str, Maker] = {
    "floor: etcdctl watch → socket": floor,
    "lbdisc, etcd, run time": lbdisc_runtime,
    "lbdisc, node file, run time": lbdisc_file,
    "lbdisc, ZooKeeper, run time": lbdisc_zookeeper,
    "lbdisc, Serf, run time": lbdisc_serf,
    "lbdisc, etcd, reload": lbdisc_reload,
    "confd -watch, check and reload": confd,
    "lab: Serf handler, -sf": lab_serf,
}


def measure(make: Maker, folder: Path, count: int) -> tuple[list[float], list[float]]:
    """Seconds of ``count`` joins and leaves, each by itself."""
    ports = free_ports(count + 1)
    base, *names = (f"p{port}" for port in ports)  # as the responders call themselves
    joins, leaves = [], []
    with (
        responders(folder.with_name("apps"), ports),
        make(folder, {base: ports[0]}) as way,
        Reader(way.port) as reader,
    ):
        for name, port in zip(names, ports[1:], strict=True):
            joins.append(_took(reader, "first", name, partial(way.join, name, port)))
            time.sleep(way.pause)
            leaves.append(_took(reader, "last", name, partial(way.leave, name, port)))
            time.sleep(way.pause)
    return joins, leaves


def _took(reader: Reader, what: str, name: str, change: Callable[[], None]) -> float:
    """Seconds from the beginning of ``change`` to the first or last answer of ``name``."""
    reader.begin(what, name)
    began = time.monotonic()
    change()
    return max(0.0, reader.end() - began)


def main() -> None:
    given = arguments(__doc__)
    quick = given.quick
    count = 3 if quick else 30
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
        f"{count} joins and leaves each, one other node; requests over new connections, each "
        f"{PAUSE * 1000:g} ms after the answer before, from a process of its own. The lab's join "
        "begins with the start of the node's Serf agent, its leave with SIGINT to it; lbdisc's on "
        "Serf with a tag of an agent that runs; all others begin with the write to the registry. "
        "Reload: the defaults, 0.2 s of quiet; the changes "
        "are far enough apart to owe nothing to the least distance of reloads (1 s)."
    )
    report.finish()


if __name__ == "__main__":
    main()
