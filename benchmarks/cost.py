"""CPU of one change and memory, with 10, 1,000 and 10,000 endpoints, in one service
and in a thousand; what the agent costs idle."""

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
from lbdisc_lab.servers import etcd

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


def names(count: int) -> list[str]:
    return [f"n{number:05d}" for number in range(count)]


@dataclass(frozen=True)
class Shape:
    """So many services with ``each`` endpoints. One service alone is ``nodes``."""

    count: int
    each: int

    @property
    def services(self) -> list[str]:
        return [f"s{n:04d}" for n in range(self.count)] if self.count > 1 else ["nodes"]

    @property
    def size(self) -> int:
        return self.count * self.each

    @property
    def names(self) -> list[str]:
        """``service/name`` of all endpoints."""
        return [f"{service}/{name}" for service in self.services for name in names(self.each)]

    @property
    def place(self) -> str:
        """A service in the middle, with others before and behind it."""
        return self.services[self.count // 2]

    def __str__(self) -> str:
        return f"{self.count:,} × {self.each}" if self.count > 1 else f"{self.each:,}"


SHAPES = (Shape(1, 10), Shape(1, 1000), Shape(1, 10_000), Shape(1000, 10))


def measure(agent: Agent, write: Write, remove: Write, port: int, shape: Shape, turns: int) -> Cost:
    """The mean of ``turns`` joins and ``turns`` leaves beside the endpoints of ``shape``."""
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
            change(f"{shape.place}/z{turn}", port)
            agent.until(shape.size + left)
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
def file_agent(folder: Path, shape: Shape, port: int) -> Iterator[tuple[Agent, Write, Write]]:
    """An agent on a folder of nodes, not yet started."""
    nodes = folder / "nodes"
    nodes.mkdir()
    write, remove = node_files(nodes)
    for name in shape.names:
        write(name, port)
    with Agent(
        folder, "file", {"services": shape.services, "file.dir": str(nodes), **SETTINGS}
    ) as agent:
        yield agent, write, remove


@contextmanager
def etcd_agent(folder: Path, shape: Shape, port: int) -> Iterator[tuple[Agent, Write, Write]]:
    """An agent on an etcd, not yet started."""
    with etcd.start(folder / "etcd") as registry:
        writer = EtcdWriter(registry.servers[0].url)
        writer.put_all(dict.fromkeys(shape.names, port))
        with Agent(
            folder, "etcd", {"services": shape.services, **registry.settings, **SETTINGS}
        ) as agent:
            yield agent, writer.put, writer.leave


def main() -> None:
    quick = arguments(__doc__).quick
    nofile()
    report = Report("CPU of one change, and memory", quick=quick)
    rows = []
    for backend, make in (("file", file_agent), ("etcd", etcd_agent)):
        for shape in SHAPES[:2] if quick else SHAPES:
            turns = 2 if quick else 10
            with scratch() as folder:
                [port] = free_ports(1)
                with responders(folder / "apps", [port]), make(folder, shape, port) as made:
                    agent, write, remove = made
                    agent.start(deadline=120).until(shape.size)
                    cost = measure(agent, write, remove, port, shape, turns)
            figures = (cost.join, cost.leave, cost.checks, cost.memory, cost.worker)
            idle = f"{cost.idle * 100:.1f} %"
            rows.append([backend, str(shape), *map(shown, figures), idle])
            print(rows[-1], flush=True)
    columns = ("backend", "services × endpoints", "lbdisc, ms per join", "ms per leave")
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
