"""How soon each backend tells of a registration, a leave, a crash and a lost leader."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException

from benchmarks.observers import Kazoo, Lines, Observer, Ours, Polled, etcdctl, monitor
from benchmarks.report import Report, arguments, milliseconds, seconds
from benchmarks.servers import EtcdWriter, scratch
from lbdisc.testing.registrar_process import RegistrarProcess
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_lab.servers import etcd, serf, zookeeper

Settings = Mapping[str, object]


@dataclass
class Place:
    """A registry as the measurements see it. ``nodes`` are the settings of each registrar."""

    backend: str
    settings: Settings
    nodes: Callable[[int], Settings]
    raw: Callable[[Settings], Observer]
    raw_name: str
    address: Callable[[int], str] = lambda index: "127.0.0.1"


@dataclass
class Times:
    """Seconds to lbdisc's snapshot, and to the raw client."""

    ours: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)


@contextmanager
def file_place(folder: Path) -> Iterator[Place]:
    nodes = folder / "nodes"
    (nodes / "nodes").mkdir(parents=True)
    settings: Settings = {"file.dir": str(nodes)}
    yield Place("file", settings, lambda index: settings, Polled, "folder listed every 2 ms")


@contextmanager
def etcd_place(folder: Path) -> Iterator[Place]:
    with etcd.start(folder) as registry:
        yield Place("etcd", registry.settings, registry.node_settings, etcdctl, "etcdctl watch")


@contextmanager
def zookeeper_place(folder: Path) -> Iterator[Place]:
    with zookeeper.start(folder) as registry:
        settings = registry.settings
        yield Place("zookeeper", settings, registry.node_settings, Kazoo, "kazoo ChildrenWatch")


@contextmanager
def serf_place(folder: Path) -> Iterator[Place]:
    with serf.start(folder, members=3) as registry:
        yield Place(
            *("serf", registry.settings, registry.node_settings, monitor, "serf monitor"),
            address=registry.node_address,
        )


PLACES = (file_place, etcd_place, zookeeper_place, serf_place)
LEASES: dict[str, tuple[tuple[str, Settings], ...]] = {
    "file": (("ttl 2 s", {"file.ttl": 2.0}), ("ttl 5 s", {"file.ttl": 5.0})),
    "etcd": (("ttl 2 s", {"etcd.ttl": 2.0}), ("ttl 5 s", {"etcd.ttl": 5.0})),
    "zookeeper": (
        ("session 2 s", {"zookeeper.session_timeout": 2.0}),
        ("session 5 s", {"zookeeper.session_timeout": 5.0}),
    ),
    "serf": (
        ("profile local", {"serf.profile": "local"}),
        ("profile lan", {"serf.profile": "lan"}),
    ),
}


class Nodes:
    """Registrars in processes of their own, numbered on."""

    def __init__(self, place: Place, folder: Path) -> None:
        self._place, self._folder = place, folder
        self._count = 0

    def start(self, extra: Settings | None = None) -> tuple[str, RegistrarProcess, float]:
        """Its name, itself, and when it began to hold."""
        index, name = self._count, f"node{self._count}"
        self._count += 1
        address = self._place.address(index)
        endpoint = Endpoint(service="nodes", name=name, address=address, port=3000)
        settings = {**self._place.nodes(index), **(extra or {})}
        log = self._folder / f"{name}.log"
        process = RegistrarProcess(self._place.backend, settings, endpoint, log=log)
        return name, process, time.monotonic()


def comings(place: Place, nodes: Nodes, ours: Ours, raw: Observer, count: int) -> list[Times]:
    """Registrations and clean leaves, one after the other."""
    came, left = Times(), Times()
    for _ in range(count):
        name, process, began = nodes.start()
        with process:
            came.ours.append(max(0.0, ours.until_came(name) - began))
            came.raw.append(max(0.0, raw.until_came(name) - began))
            time.sleep(0.1)
            began = time.monotonic()
            process.stop()
            left.ours.append(ours.until_went(name) - began)
            left.raw.append(raw.until_went(name) - began)
    return [came, left]


def crashes(nodes: Nodes, ours: Ours, raw: Observer, count: int, extra: Settings) -> Times:
    """kill -9, one after the other, each at another moment of its lease."""
    found = Times()
    for turn in range(count):
        name, process, _ = nodes.start(extra)
        with process:
            ours.until_came(name)
            time.sleep(1.0 + 0.3 * turn)
            began = time.monotonic()
            process.crash()
            found.ours.append(ours.until_went(name) - began)
            if not isinstance(raw, Polled):  # the file itself stays, past its ttl
                found.raw.append(raw.until_went(name) - began)
    return found


def etcd_leader_loss(folder: Path, count: int) -> Times:
    """kill -9 of the leader of three → the first write after it is in lbdisc's snapshot."""
    found = Times()
    with etcd.start(folder, members=3) as registry:
        for turn in range(count):
            with Ours("etcd", registry.settings) as ours:
                leader = registry.leader()
                url = registry.servers[(leader + 1) % 3].url
                began = time.monotonic()
                registry.kill(leader)
                eventually(lambda: _wrote(url, f"new{turn}"), every=0.02, what="a write")  # noqa: B023
                found.raw.append(time.monotonic() - began)
                found.ours.append(ours.until_came(f"new{turn}") - began)
            registry.start(leader)
    return found


def _wrote(url: str, name: str) -> bool:
    try:
        EtcdWriter(url, timeout=0.3).put(name, 3000)
    except (OSError, RuntimeError):
        return False
    return True


def zookeeper_leader_loss(folder: Path, count: int) -> Times:
    """The same, written through kazoo."""
    found = Times()
    with zookeeper.start(folder, members=3) as registry:
        for turn in range(count):
            client = KazooClient(hosts=",".join(registry.hosts), timeout=2.0)
            client.start()
            client.ensure_path("/lbdisc/nodes")
            with Ours("zookeeper", registry.settings) as ours:
                leader = registry.leader()
                began = time.monotonic()
                registry.kill(leader)
                eventually(lambda: _created(client, f"new{turn}"), every=0.02, what="a write")  # noqa: B023
                found.raw.append(time.monotonic() - began)
                found.ours.append(ours.until_came(f"new{turn}") - began)
            client.stop()
            client.close()
            registry.restart(leader)
    return found


def _created(client: KazooClient, name: str) -> bool:
    record = b'{"address": "127.0.0.1", "port": 3000}'
    try:
        client.create_async(f"/lbdisc/nodes/{name}", record).get(timeout=1.0)
    except (KazooException, client.handler.timeout_exception):
        return bool(client.connected and client.exists(f"/lbdisc/nodes/{name}"))
    return True


def _rows(place: Place, folder: Path, count: int, kills: int) -> tuple[list[str], list[list[str]]]:
    """The row of registrations and leaves, and the rows of crashes."""
    nodes = Nodes(place, folder)
    with Ours(place.backend, place.settings) as ours, place.raw(place.settings) as raw:
        if isinstance(raw, Lines):
            time.sleep(1.0)  # until the command has connected, which it does not tell
        came, left = comings(place, nodes, ours, raw, count)
        row = [place.backend, milliseconds(came.ours), milliseconds(came.raw)]
        row += [milliseconds(left.ours), milliseconds(left.raw), place.raw_name]
        lost = []
        for label, extra in LEASES[place.backend]:
            times = crashes(nodes, ours, raw, kills, extra)
            lost.append([place.backend, label, seconds(times.ours), seconds(times.raw)])
            print(lost[-1], flush=True)
    return row, lost


def main() -> None:
    quick = arguments(__doc__).quick
    count, kills = (3, 1) if quick else (20, 3)
    report = Report("Registries: registration, leave, crash, lost leader", quick=quick)
    seen, lost = [], []
    for make in PLACES:
        with scratch() as folder, make(folder / "registry") as place:
            row, crashed = _rows(place, folder, count, kills)
        print(row, flush=True)
        seen.append(row)
        lost += crashed
    ms = "ms, median (p95)"
    columns = ("backend", f"hold → snapshot, {ms}", "hold → raw client", f"leave → snapshot, {ms}")
    report.table([*columns, "leave → raw client", "raw client"], seen)
    s = "s, median (least to most)"
    report.table(["backend", "lease", f"kill -9 → snapshot, {s}", "→ raw client"], lost)
    rows = []
    for name, measure in (("etcd", etcd_leader_loss), ("zookeeper", zookeeper_leader_loss)):
        with scratch() as folder:
            times = measure(folder / "registry", kills)
        rows.append([name, seconds(times.ours), seconds(times.raw)])
        print(rows[-1], flush=True)
    report.table(
        ["three members", f"leader killed → new entry seen, {s}", "→ write accepted"], rows
    )
    report.note(
        f"{count} registrations and leaves, {kills} crashes and lost leaders each. A registrar is "
        "a process of its own; its time runs from the moment that `hold` is called, thus with its "
        "connection (Serf: with the start of an agent). A leave is seen when the endpoint drains "
        "or is gone."
    )
    report.finish()


if __name__ == "__main__":
    main()
