"""CPU of one change and memory, with 10, 1,000 and 10,000 endpoints; what the agent costs idle."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.agents import Agent
from benchmarks.report import Report, arguments, shown
from benchmarks.responders import responders
from benchmarks.servers import EtcdWriter, free_ports, nofile, scratch
from benchmarks.ways import node_files
from lbdisc_etcd import testing as etcd

IDLE = 6.0  # seconds: more than file.rescan, 5 s
REST = 0.3  # seconds after a generation runs, in which its status is written
SETTINGS = {"jinja2.vars.check_inter": "1h", "haproxy.settle_after": 0}
Write = Callable[[str, int], None]


@dataclass(frozen=True)
class Cost:
    """Milliseconds of CPU per change in lbdisc and its children; MB; idle share of a core."""

    join: float
    leave: float
    checks: float
    memory: float
    worker: float
    idle: float


def measure(agent: Agent, write: Write, remove: Write, port: int, count: int, turns: int) -> Cost:
    """The mean of ``turns`` joins and ``turns`` leaves beside ``count`` endpoints."""
    process = agent.process
    time.sleep(2)
    idle_before = _own(process)
    time.sleep(IDLE)
    idle = (_own(process) - idle_before) / IDLE
    children = _children(process)
    spent = {"join": 0.0, "leave": 0.0}
    for turn in range(turns):
        for what, change, left in (("join", write, 1), ("leave", remove, 0)):
            before = _own(process)
            change(f"z{turn}", port)
            agent.until(count + left)
            time.sleep(REST)
            spent[what] += _own(process) - before
    worker = agent.processes().current
    return Cost(
        join=spent["join"] / turns * 1000,
        leave=spent["leave"] / turns * 1000,
        checks=(_children(process) - children) / turns / 2 * 1000,
        memory=process.memory_info().rss / 1e6,
        worker=psutil.Process(worker.pid).memory_info().rss / 1e6 if worker else float("nan"),
        idle=idle,
    )


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _children(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.children_user + times.children_system


@contextmanager
def file_agent(folder: Path, count: int, port: int) -> Iterator[tuple[Agent, Write, Write]]:
    """An agent on a folder of ``count`` nodes, not yet started."""
    nodes = folder / "nodes"
    nodes.mkdir()
    write, remove = node_files(nodes)
    for name in names(count):
        write(name, port)
    with Agent(folder, "file", {"file.dir": str(nodes), **SETTINGS}) as agent:
        yield agent, write, remove


@contextmanager
def etcd_agent(folder: Path, count: int, port: int) -> Iterator[tuple[Agent, Write, Write]]:
    """An agent on an etcd with ``count`` keys, not yet started."""
    with etcd.start(folder / "etcd") as registry:
        writer = EtcdWriter(registry.servers[0].url)
        writer.put_all(dict.fromkeys(names(count), port))
        with Agent(folder, "etcd", {**registry.settings, **SETTINGS}) as agent:
            yield agent, writer.put, writer.leave


def names(count: int) -> list[str]:
    return [f"n{number:05d}" for number in range(count)]


def main() -> None:
    quick = arguments(__doc__).quick
    nofile()
    report = Report("CPU of one change, and memory", quick=quick)
    rows = []
    for backend, make in (("file", file_agent), ("etcd", etcd_agent)):
        for count in (10, 1000) if quick else (10, 1000, 10_000):
            turns = 2 if quick else 10
            with scratch() as folder:
                [port] = free_ports(1)
                with responders(folder / "apps", [port]), make(folder, count, port) as made:
                    agent, write, remove = made
                    agent.start(deadline=120).until(count)
                    cost = measure(agent, write, remove, port, count, turns)
            figures = (cost.join, cost.leave, cost.checks, cost.memory, cost.worker)
            idle = f"{cost.idle * 100:.1f} %"
            rows.append([backend, f"{count:,}", *map(shown, figures), idle])
            print(rows[-1], flush=True)
    columns = ("backend", "endpoints", "lbdisc, ms per join", "ms per leave")
    more = ("haproxy -c, ms per change", "lbdisc RSS, MB", "HAProxy RSS, MB", "lbdisc idle")
    report.table([*columns, *more], rows)
    report.note(
        f"User and system time, mean of {turns} joins and {turns} leaves, one at a time, from the "
        f"write to {REST:g} s after the generation runs (a share of the idle work is in it). A "
        "leave through etcd is two writes, draining and gone, thus up to two generations; node "
        "files likewise. HAProxy's checks are an hour apart."
    )
    report.finish()


if __name__ == "__main__":
    main()
