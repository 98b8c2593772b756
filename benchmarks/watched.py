"""What metrics, page and history cost: joins, idle processor and memory with and without them."""

import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Thread

import psutil

from benchmarks.agents import Agent
from benchmarks.reader import Reader
from benchmarks.report import Report, arguments, median, milliseconds, shown
from benchmarks.responders import responders
from benchmarks.servers import free_ports, scratch
from benchmarks.ways import node_files

IDLE = 20.0  # seconds
PAUSE = 0.3  # seconds between two changes, so that each is measured alone
SCRAPE = 5.0  # seconds between two scrapes, where there are any
ALL = ("history", "metrics", "web")


@dataclass(frozen=True)
class Kind:
    """The listeners that hear, and whether somebody looks at what they show."""

    name: str
    on: tuple[str, ...]
    looked_at: bool = False


KINDS = (
    Kind("none of them", ()),
    *(Kind(f"{name} alone", (name,)) for name in ALL),
    Kind("all three", ALL),
    Kind("all three, one page open, a scrape each 5 s", ALL, looked_at=True),
)


@dataclass
class Watching:
    """Seconds of joins and leaves, idle share of a core, bytes of memory."""

    joins: list[float] = field(default_factory=list)
    leaves: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def measure(kind: Kind, folder: Path, count: int, found: Watching) -> None:
    """``count`` joins and leaves beside one node, then nothing for ``IDLE`` seconds."""
    ports = free_ports(count + 1)
    metrics, web = free_ports(2)
    nodes = folder / "nodes"
    nodes.mkdir(parents=True)
    write, remove = node_files(nodes)
    base, *names = (f"p{port}" for port in ports)
    write(base, ports[0])
    settings: dict[str, object] = {
        "file.dir": str(nodes),
        "listeners_off": [name for name in ALL if name not in kind.on],
    }
    settings |= {"metrics.bind": f"127.0.0.1:{metrics}"} if "metrics" in kind.on else {}
    settings |= {"web.bind": f"127.0.0.1:{web}"} if "web" in kind.on else {}
    with (
        responders(folder / "apps", ports),
        Agent(folder, "file", settings) as agent,
        _onlookers(metrics, web) if kind.looked_at else _nobody(),
    ):
        agent.start().until(1)
        with Reader(agent.port) as reader:
            for name, port in zip(names, ports[1:], strict=True):
                found.joins.append(_took(reader, "first", name, partial(write, name, port)))
                time.sleep(PAUSE)
                found.leaves.append(_took(reader, "last", name, partial(remove, name, port)))
                time.sleep(PAUSE)
        time.sleep(2.0)
        began, spent = time.monotonic(), _own(agent.process)
        time.sleep(IDLE)
        found.idle.append((_own(agent.process) - spent) / (time.monotonic() - began))
        found.memory.append(agent.process.memory_info().rss)


def _took(reader: Reader, what: str, name: str, change: Callable[[], None]) -> float:
    reader.begin(what, name)
    began = time.monotonic()
    change()
    return max(0.0, reader.end() - began)


def _own(process: psutil.Process) -> float:
    """Seconds on a processor, of all threads there are: in nanoseconds, not in the kernel's ticks.

    Source: Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat.
    """
    tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


@contextmanager
def _nobody() -> Iterator[None]:
    yield


@contextmanager
def _onlookers(metrics: int, web: int) -> Iterator[None]:
    """A scraper, and a reader of the page's events, in threads of this process."""
    stop = Event()
    threads = [
        Thread(target=_scrape, args=(metrics, stop), daemon=True),
        Thread(target=_read_page, args=(web, stop), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()


def _scrape(port: int, stop: Event) -> None:
    while not stop.wait(SCRAPE):
        with suppress(OSError, http.client.HTTPException):
            _get(port, "/metrics").read()


def _read_page(port: int, stop: Event) -> None:
    while not stop.wait(0.5):
        with suppress(OSError, http.client.HTTPException):
            answer = _get(port, "/events")
            while not stop.is_set() and answer.read1(65536):
                pass


def _get(port: int, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    return connection.getresponse()


def _rows(found: Mapping[str, Watching]) -> Iterator[list[str]]:
    base = found[KINDS[0].name]
    for name, its in found.items():
        join, leave, idle = (
            median(of) / median(without)
            for of, without in (
                (its.joins, base.joins),
                (its.leaves, base.leaves),
                (its.idle, base.idle),
            )
        )
        memory = median(its.memory) / 1e6
        yield [
            name,
            *(milliseconds(its.joins), f"{join:.2f}", milliseconds(its.leaves), f"{leave:.2f}"),
            *(f"{median(its.idle) * 100:.2f} %", f"{idle:.2f}"),
            *(shown(memory), shown(memory - median(base.memory) / 1e6)),
        ]


def main() -> None:
    quick = arguments(__doc__).quick
    rounds, count = (1, 3) if quick else (2, 12)
    report = Report("What metrics, page and history cost", quick=quick)
    found = {kind.name: Watching() for kind in KINDS}
    for turn in range(rounds):
        for kind in KINDS if turn % 2 == 0 else KINDS[::-1]:
            with scratch() as folder:
                measure(kind, folder / "way", count, found[kind.name])
            print(turn, kind.name, flush=True)
    ms = "ms, median (p95)"
    columns = ("listeners", f"join, {ms}", "×", f"leave, {ms}", "×", "idle", "×", "RSS, MB")
    report.table([*columns, "MB more"], _rows(found))
    report.note(
        f"{rounds} rounds in turn, forwards and backwards, of {count} joins and leaves each beside "
        "one node, from a node file's write to the first and last request; then "
        f"{IDLE:g} s without a change: the share of one core, and the memory of lbdisc's process."
    )
    report.finish()


if __name__ == "__main__":
    main()
