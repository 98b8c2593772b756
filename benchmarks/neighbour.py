"""A hostile neighbour flat out, beside nodes that are served and one that joins and leaves.

``python -m benchmarks.neighbour [--quick] [--only etcd]``: on each registry, for a minute, somebody
writes 1,000 changes a second after 36 nested values and 64 MB of values that are no records. On
Serf, where a member has 512 bytes of tags, another member changes those as fast as it can.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.agents import Agent
from benchmarks.report import Report, arguments, median
from benchmarks.responders import responders
from benchmarks.servers import free_ports, nofile, scratch
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.testing.waiting import eventually
from lbdisc_lab.neighbour import (
    SERVICE,
    EtcdHand,
    FileHand,
    Hand,
    HostileNeighbour,
    ZooKeeperHand,
)
from lbdisc_lab.servers import etcd, serf, zookeeper
from lbdisc_lab.traffic import Counts, Traffic
from lbdisc_serf.wire import RpcError

STEADY = ("steady1", "steady2")
COMING = "coming"
RATE = 100.0  # requests a second
Settings = Mapping[str, object]


@dataclass
class Place:
    """A registry: how an agent reads it, how nodes come and go, and who disturbs them."""

    backend: str
    settings: Settings
    join: Callable[[str, int], None]
    leave: Callable[[str, int], None]
    hostile: Callable[[], "HostileNeighbour | Member"]


@dataclass
class Found:
    """What one minute showed; times in seconds, sizes in bytes."""

    joins: list[float] = field(default_factory=list)
    leaves: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    changes: float = 0.0
    counts: Counts = field(default_factory=Counts)
    log: int = 0
    status: int = 0
    reloads: int = 0


class _Nodes:
    """Records of good nodes, as a registrar writes them: at the end it drains before it goes."""

    def __init__(self, hand: Hand) -> None:
        self._hand = hand

    def join(self, name: str, port: int, state: str = "ready") -> None:
        record = {"address": "127.0.0.1", "port": port, "state": state}
        self._hand.write({(SERVICE, name): json.dumps(record).encode()})

    def leave(self, name: str, port: int) -> None:
        self.join(name, port, "draining")
        self._hand.write({(SERVICE, name): None})


@contextmanager
def file_place(folder: Path) -> Iterator[Place]:
    nodes = folder / "nodes"
    nodes.mkdir(parents=True)
    good = _Nodes(FileHand(nodes))
    settings: Settings = {"file.dir": str(nodes)}
    yield Place("file", settings, good.join, good.leave, lambda: HostileNeighbour(FileHand(nodes)))


@contextmanager
def etcd_place(folder: Path) -> Iterator[Place]:
    with etcd.start(folder) as registry:
        url = registry.servers[0].url
        good = _Nodes(EtcdHand(url))
        yield Place(
            "etcd",
            registry.settings,
            good.join,
            good.leave,
            lambda: HostileNeighbour(EtcdHand(url)),
        )


@contextmanager
def zookeeper_place(folder: Path) -> Iterator[Place]:
    # It holds all that is written in memory.
    with zookeeper.start(folder, properties=("-Xmx1g",)) as registry, ExitStack() as stack:
        hosts = ",".join(registry.hosts)
        hand = ZooKeeperHand(hosts)
        stack.callback(hand.close)
        good = _Nodes(hand)
        yield Place(
            *("zookeeper", registry.settings, good.join, good.leave),
            hostile=lambda: HostileNeighbour(ZooKeeperHand(hosts)),
        )


@contextmanager
def serf_place(folder: Path) -> Iterator[Place]:
    with serf.start(folder) as cluster:
        agents: dict[str, serf.SerfAgent] = {}

        def join(name: str, port: int) -> None:
            if name not in agents:
                agents[name] = cluster.node(name, tags={})
            agents[name].tag(f"lbdisc.{SERVICE}", str(port))

        def leave(name: str, port: int) -> None:
            agents[name].untag(f"lbdisc.{SERVICE}")

        def hostile() -> Member:
            return Member(cluster.node("hostile", tags={}))

        yield Place("serf", cluster.settings, join, leave, hostile)


class Member:
    """A member of a Serf cluster that changes its tags as fast as its agent takes them."""

    def __init__(self, agent: serf.SerfAgent) -> None:
        self._agent = agent
        self.changes = 0
        self.since = time.monotonic()
        self.failure: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        draw = Random(13)
        while not self._stop.is_set():
            odd = draw.choice(
                ("\n server x", "80;" * 90, "9" * 300, "80;state=x", "\x1b[2J", "off")
            )
            tags = {f"lbdisc.{draw.choice((SERVICE, 'x', '_agents'))}": odd}
            with suppress(RpcError), self._agent.client() as client:
                client.tags(tags, told=False)
                self.changes += 1

    def __enter__(self) -> "Member":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


PLACES = (file_place, etcd_place, zookeeper_place, serf_place)


def up(agent: Agent) -> set[str]:
    """The servers that HAProxy sends requests to."""
    with suppress(HaproxyError), agent.runtime as runtime:
        rows = runtime.stats(SERVICE)
        return {r.name for r in rows if r.kind == "server" and r.status[:2] == "UP" and r.weight}
    return set()


def _until(agent: Agent, name: str, there: bool) -> float:
    began = time.monotonic()
    eventually(
        lambda: (name in up(agent)) == there, deadline=60, every=0.01, what=f"{name}: {there}"
    )
    return time.monotonic() - began


def measure(place: Place, folder: Path, seconds: float) -> Found:
    """The minute itself, from the moment that the steady nodes are served."""
    found = Found()
    ports = dict(zip((*STEADY, COMING), free_ports(3), strict=True))
    settings: Settings = {
        **place.settings,
        "services": [SERVICE, "other"],
        "agent.announce": True,
    }
    with (
        responders(folder / "apps", list(ports.values())),
        Agent(folder / "agent", place.backend, settings) as agent,
    ):
        for name in STEADY:
            place.join(name, ports[name])
        agent.start()
        eventually(lambda: up(agent) == set(STEADY), deadline=60, what="the steady nodes")
        reloads = agent.processes().reloads
        with Traffic(f"http://127.0.0.1:{agent.port}/", rate=RATE) as traffic:
            _disturbed(place, agent, ports[COMING], found, seconds)
        found.counts = traffic.counts()
        found.log = (folder / "agent" / "agent.log").stat().st_size
        found.status = (agent.state / "status.json").stat().st_size
        found.reloads = agent.processes().reloads - reloads
    return found


def _disturbed(place: Place, agent: Agent, port: int, found: Found, seconds: float) -> None:
    found.memory.append(agent.process.memory_info().rss)
    with place.hostile() as neighbour:
        for passed in (seconds / 2, seconds):
            while not neighbour.since or time.monotonic() - neighbour.since < passed:
                assert neighbour.failure is None, neighbour.failure
                _come_and_go(place, agent, port, found)
            found.memory.append(agent.process.memory_info().rss)
        found.changes = neighbour.changes / (time.monotonic() - neighbour.since)


def _come_and_go(place: Place, agent: Agent, port: int, found: Found) -> None:
    place.join(COMING, port)
    found.joins.append(_until(agent, COMING, True))
    time.sleep(0.5)
    place.leave(COMING, port)
    found.leaves.append(_until(agent, COMING, False))
    time.sleep(0.5)


def row(backend: str, found: Found) -> list[object]:
    def times(values: list[float]) -> str:
        if not values:
            return "-"
        return f"{median(values) * 1000:.0f} ({max(values) * 1000:.0f}), {len(values)}"

    memory = " / ".join(f"{rss // 1_000_000}" for rss in found.memory)
    counts = found.counts
    return [
        *(backend, f"{found.changes:.0f}", times(found.joins), times(found.leaves)),
        *(f"{counts.requests} / {counts.lost}", memory, found.log // 1000, found.status // 1000),
        found.reloads,
    ]


COLUMNS = (
    *("registry", "hostile changes/s", "join seen, ms median (worst), count", "leave seen"),
    *("requests sent / lost", "memory MB at start / half / end", "log kB", "status.json kB"),
    "reloads",
)


def main() -> None:
    given = arguments(__doc__)
    nofile()
    seconds = 10.0 if given.quick else 60.0
    report = Report("A hostile neighbour, flat out", quick=given.quick)
    rows = []
    for make in PLACES:
        if not re.search(given.only, make.__name__):
            continue
        with scratch() as folder, make(folder / "registry") as place:
            rows.append(row(place.backend, measure(place, folder, seconds)))
        print(rows[-1], flush=True)
    report.table(COLUMNS, rows)
    report.note(f"{seconds:.0f} s on each; a leave is a drain and then the record's removal.")
    report.finish()


if __name__ == "__main__":
    main()
