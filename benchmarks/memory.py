"""Memory of `lbdisc nodes --watch` with 10 and 10,000 endpoints, for each backend."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil
from kazoo.client import KazooClient

from benchmarks.cost import names
from benchmarks.report import Report, arguments, shown
from benchmarks.servers import LBDISC, LOOPBACK, EtcdWriter, scratch
from benchmarks.ways import node_files
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers import etcd, zookeeper

PORT = 3000
Settings = Mapping[str, object]


@contextmanager
def file_filled(folder: Path, count: int) -> Iterator[Settings]:
    folder.mkdir()
    write, _ = node_files(folder)
    for name in names(count):
        write(name, PORT)
    yield {"file.dir": str(folder)}


@contextmanager
def etcd_filled(folder: Path, count: int) -> Iterator[Settings]:
    with etcd.start(folder) as registry:
        EtcdWriter(registry.servers[0].url).put_all(dict.fromkeys(names(count), PORT))
        yield registry.settings


@contextmanager
def zookeeper_filled(folder: Path, count: int) -> Iterator[Settings]:
    record = b'{"address": "127.0.0.1", "port": 3000}'
    with zookeeper.start(folder) as registry:
        client = KazooClient(hosts=",".join(registry.hosts))
        client.start()
        client.ensure_path("/lbdisc/nodes")
        pending = [client.create_async(f"/lbdisc/nodes/{name}", record) for name in names(count)]
        for each in pending:
            each.get(timeout=60)
        client.stop()
        client.close()
        yield registry.settings


FILLED: dict[str, Callable[[Path, int], AbstractContextManager[Settings]]] = {
    "file": file_filled,
    "etcd": etcd_filled,
    "zookeeper": zookeeper_filled,
}


def measure(folder: Path, backend: str, settings: Settings, count: int) -> tuple[float, float]:
    """Resident MB of `lbdisc nodes --watch` that has shown ``count``, and seconds until then."""
    output = folder / "nodes.json"
    given = [word for key, value in settings.items() for word in ("--set", _set(key, value))]
    given += ["--set", _set("endpoints.allow", LOOPBACK)]
    command = [LBDISC, "nodes", "--watch", "--json", "--backend", backend, *given]
    began = time.monotonic()
    with output.open("wb") as file:
        child = subprocess.Popen(command, stdout=file)
    try:
        last = names(count)[-1].encode()
        eventually(lambda: last in output.read_bytes(), deadline=120, every=0.1, what="the nodes")
        took = time.monotonic() - began
        time.sleep(1)
        return psutil.Process(child.pid).memory_info().rss / 1e6, took
    finally:
        child.kill()
        child.wait()


def _set(key: str, value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return f"{key}={text}"


def main() -> None:
    quick = arguments(__doc__).quick
    report = Report("Memory of `lbdisc nodes --watch`", quick=quick)
    counts = (10, 100) if quick else (10, 10_000)
    rows = []
    for backend, filled in FILLED.items():
        figures: list[tuple[float, float]] = []
        for count in counts:
            with scratch() as folder, filled(folder / "registry", count) as settings:
                figures.append(measure(folder, backend, settings, count))
        few, many = figures
        rows.append([backend, shown(few[0]), shown(many[0]), f"{few[1]:.1f}", f"{many[1]:.1f}"])
        print(rows[-1], flush=True)
    heads = [f"RSS, MB, {count:,} endpoints" for count in counts]
    heads += [f"s until shown, {count:,}" for count in counts]
    report.table(["backend", *heads], rows)
    report.note("Serf is left out: each endpoint is a process of its own there.")
    report.finish()


if __name__ == "__main__":
    main()
