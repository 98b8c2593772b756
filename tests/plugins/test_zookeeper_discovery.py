"""The discovery on a real ZooKeeper that nothing happens to."""

import json
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psutil
import pytest

from lbdisc.formats import Format
from lbdisc.showing import plain
from lbdisc.testing.waiting import eventually
from lbdisc.values import Snapshot
from lbdisc_lab.servers import zookeeper
from lbdisc_lab.servers.zookeeper.editor import Editor
from lbdisc_lab.servers.zookeeper.roles import ZooKeeperWatching, settings_from
from lbdisc_zookeeper.discovery import ZooKeeperDiscovery
from lbdisc_zookeeper.settings import ZooKeeperSettings

RECORD = '{"address": "10.0.0.1", "port": 80}'
_prefixes = count()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zookeeper.ZooKeeperEnsemble]:
    with zookeeper.start(tmp_path_factory.mktemp("zookeeper")) as registry:
        yield registry


@pytest.fixture(scope="module")
def editor(registry: zookeeper.ZooKeeperEnsemble) -> Iterator[Editor]:
    with Editor(registry.hosts) as editor:
        yield editor


@pytest.fixture
def settings(registry: zookeeper.ZooKeeperEnsemble) -> ZooKeeperSettings:
    return settings_from(registry.settings, prefix=f"/test-{next(_prefixes)}")


def test_missing_prefix_is_an_empty_registry(settings: ZooKeeperSettings) -> None:
    with ZooKeeperWatching(settings) as watching:
        assert watching.until(lambda s: not s.endpoints).problems == ()


def test_first_snapshot_holds_all_that_is_there(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    for name in ("a", "b"):
        editor.put(f"{settings.prefix}/web/{name}", RECORD)
    editor.put(f"{settings.prefix}/api/c", RECORD)
    with ZooKeeperWatching(settings) as watching:
        watching.until_names("a", "b", "c")
        assert len(watching.seen) == 1
        assert sorted(watching.last.services) == ["api", "web"]


def test_nodes_come_and_go(settings: ZooKeeperSettings, editor: Editor) -> None:
    with ZooKeeperWatching(settings) as watching:
        editor.put(f"{settings.prefix}/web/a", RECORD)
        watching.until_names("a")
        editor.put(f"{settings.prefix}/web/b", RECORD)
        watching.until_names("a", "b")
        editor.remove(f"{settings.prefix}/web/a")
        watching.until_names("b")


def test_changes_of_a_node_are_followed_again_and_again(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    with ZooKeeperWatching(settings) as watching:
        for weight in (1, 2, 3):
            record = json.dumps({"address": "10.0.0.1", "port": 80, "weight": weight})
            editor.put(f"{settings.prefix}/web/a", record)
            watching.until_weights(weight)


def test_services_and_the_prefix_come_and_go(settings: ZooKeeperSettings, editor: Editor) -> None:
    with ZooKeeperWatching(settings) as watching:
        for service in ("web", "api", "web"):
            editor.put(f"{settings.prefix}/{service}/a", RECORD)
            watching.until_services(service)
            editor.remove(settings.prefix)
            watching.until(lambda s: not s.endpoints)


def test_node_made_again_at_once_is_read_again(settings: ZooKeeperSettings, editor: Editor) -> None:
    path = f"{settings.prefix}/web/a"
    editor.put(path, RECORD)
    with ZooKeeperWatching(settings) as watching:
        watching.until_names("a")
        again = editor.kazoo.transaction()
        again.delete(path)
        again.create(path, b'{"address": "10.0.0.2", "port": 80}')
        again.commit()
        watching.until(lambda s: [e.address for e in s.endpoints] == ["10.0.0.2"])


def test_node_that_drains_and_goes_at_once_is_published_as_draining(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    path = f"{settings.prefix}/web/a"
    draining = b'{"address": "10.0.0.1", "port": 80, "state": "draining"}'
    with ZooKeeperWatching(settings) as watching:
        for _ in range(50):
            editor.put(path, RECORD)
            watching.until_names("a")
            answers = [editor.kazoo.set_async(path, draining), editor.kazoo.delete_async(path)]
            assert all(answer.wait(10) for answer in answers)
            watching.until_names()
            assert [e.draining for e in watching.seen[-2].endpoints] == [True]


def test_many_that_drain_and_go_together_are_all_published_as_draining(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    draining = RECORD.replace("}", ', "state": "draining"}').encode()
    paths = [f"{settings.prefix}/web/n{i}" for i in range(300)]
    editor.put(f"{settings.prefix}/web/stays", RECORD)
    editor.put_many(paths, RECORD)
    with ZooKeeperWatching(settings) as watching:
        watching.until(lambda s: len(s) == 301)
        for path in paths:
            editor.kazoo.set_async(path, draining)
            editor.kazoo.delete_async(path)
        watching.until_names("stays")
        drained = {e.name for s in watching.seen for e in s.endpoints if e.draining}
        assert len(drained) == 300


def test_node_that_only_vanishes_is_not_published_as_draining(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    with ZooKeeperWatching(settings) as watching:
        editor.put(f"{settings.prefix}/web/a", RECORD)
        watching.until_names("a")
        editor.remove(f"{settings.prefix}/web/a")
        watching.until_names()
        assert not any(e.draining for snapshot in watching.seen for e in snapshot.endpoints)


HOSTILE: dict[str, str | bytes] = {
    "a b": RECORD,
    "a;shutdown sessions": RECORD,
    "-a": RECORD,
    "ünï": RECORD,
    "empty": "",
    "text": "10.0.0.1:80",
    "half": '{"address": "10.0.0.1"',
    "list": "[]",
    "deep": "[" * 10_000,
    "bytes": b"\xff\xfe\x00",
    "injected": '{"address": "10.0.0.1\\n  server x", "port": 80}',
    "far-port": '{"address": "10.0.0.1", "port": 65536}',
    "no-port": '{"address": "10.0.0.1"}',
    "text-port": '{"address": "10.0.0.1", "port": "80"}',
    "large": '{"address": "10.0.0.1", "port": 80, "x": "' + "x" * 100_000 + '"}',
}


def test_hostile_entries_are_reported_and_the_others_stay(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    editor.put(f"{settings.prefix}/web/good", RECORD)
    editor.put(f"{settings.prefix}/bad service/good", RECORD)
    for name, record in HOSTILE.items():
        editor.put(f"{settings.prefix}/web/{name}", record)
    with ZooKeeperWatching(settings) as watching:
        watching.until_names("good")
        wanted = {plain(f"{settings.prefix}/web/{name}") for name in HOSTILE}
        wanted.add(f"{settings.prefix}/bad service")
        assert {problem.where for problem in watching.last.problems} == wanted


def test_problem_is_published_when_it_comes_and_when_it_is_mended(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    path = f"{settings.prefix}/web/a"
    with ZooKeeperWatching(settings) as watching:
        editor.put(path, "{")
        watching.until(lambda s: [p.where for p in s.problems] == [path])
        editor.put(path, RECORD)
        watching.until(lambda s: s.endpoints and not s.problems)


def test_neighbours_of_the_prefix_are_not_read(settings: ZooKeeperSettings, editor: Editor) -> None:
    for neighbour in (f"{settings.prefix}2", f"{settings.prefix}-old", "/other"):
        editor.put(f"{neighbour}/web/foreign", RECORD)
    editor.put(f"{settings.prefix}/web/own/below", RECORD)
    editor.put(f"{settings.prefix}/web/own", RECORD)
    with ZooKeeperWatching(settings) as watching:
        watching.until_names("own")
        editor.put(f"{settings.prefix}2/web/more", RECORD)
        editor.put(f"{settings.prefix}/web/last", RECORD)
        watching.until_names("last", "own")


def test_chroot_stands_for_the_root(settings: ZooKeeperSettings, editor: Editor) -> None:
    chroot = f"{settings.prefix}-chroot"
    editor.put(f"{chroot}/lbdisc/web/a", RECORD)
    settings = settings_from({"zookeeper.hosts": settings.hosts}, chroot=chroot)
    with ZooKeeperWatching(settings) as watching:
        watching.until_names("a")
        editor.put(f"{chroot}/lbdisc/web/b", RECORD)
        watching.until_names("a", "b")


@pytest.mark.parametrize(
    ("format", "name", "record"),
    [
        ("hostport", "a", "10.0.0.1:80"),
        ("nerve", "i-1_80", '{"host": "10.0.0.1", "port": 80, "name": "i-1"}'),
        (
            "serverset",
            "member_0000000001",
            '{"serviceEndpoint": {"host": "10.0.0.1", "port": 80}, "status": "ALIVE"}',
        ),
        (
            "curator",
            "0e1b1c5e-9f0c-4a55-8a9e-93d1e1f0c001",
            '{"name": "web", "id": "0e1b", "address": "10.0.0.1", "port": 80}',
        ),
    ],
)
def test_nodes_of_other_systems_are_read(
    settings: ZooKeeperSettings, editor: Editor, format: Format, name: str, record: str
) -> None:
    editor.put(f"{settings.prefix}/web/{name}", record)
    changes = {"prefix": settings.prefix, "format": format}
    with ZooKeeperWatching(
        settings_from({"zookeeper.hosts": settings.hosts}, **changes)
    ) as watching:
        endpoint = watching.until_names(name).endpoints[0]
        assert endpoint.host_port == "10.0.0.1:80"


def test_default_port_is_taken_where_the_record_has_none(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    editor.put(f"{settings.prefix}/web/a", '{"address": "10.0.0.1"}')
    settings = settings_from({"zookeeper.hosts": settings.hosts}, prefix=settings.prefix, port=3000)
    with ZooKeeperWatching(settings) as watching:
        assert watching.until_names("a").endpoints[0].port == 3000


def test_reconciling_finds_nothing_new_and_publishes_nothing(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    editor.put(f"{settings.prefix}/web/a", RECORD)
    changes = {"prefix": settings.prefix, "reconcile_every": 0.1}
    settings = settings_from({"zookeeper.hosts": settings.hosts}, **changes)
    with ZooKeeperWatching(settings) as watching:
        watching.until_names("a")
        before = _requests(editor)
        eventually(lambda: _requests(editor) > before + 30)
        assert len(watching.seen) == 1


def _requests(editor: Editor) -> int:
    """How many requests the server has seen."""
    lines: list[str] = editor.kazoo.command(b"srvr").splitlines()
    return next(int(line.split(":")[1]) for line in lines if line.startswith("Received"))


def test_start_reads_each_node_once(settings: ZooKeeperSettings, editor: Editor) -> None:
    editor.put(f"{settings.prefix}/web/first", RECORD)
    editor.put_many([f"{settings.prefix}/web/n{i}" for i in range(499)], RECORD)
    before = _requests(editor)
    with ZooKeeperWatching(settings) as watching:
        watching.until(lambda s: len(s) == 500)
        editor.put(f"{settings.prefix}/web/late", RECORD)
        watching.until(lambda s: len(s) == 501)
        assert _requests(editor) < before + 600


def test_stop_leaves_no_thread_and_no_connection(settings: ZooKeeperSettings) -> None:
    process = psutil.Process()
    threads = set(threading.enumerate())
    files = process.num_fds()
    with ZooKeeperWatching(settings) as watching:
        watching.until(lambda s: not s.endpoints)
        assert set(threading.enumerate()) > threads
    assert set(threading.enumerate()) == threads
    assert process.num_fds() == files


@pytest.mark.timeout(180)  # it creates 10,000 nodes, on a shared machine
@pytest.mark.parametrize("size", [1_000, 10_000])
def test_thousands_of_nodes_are_one_snapshot(
    settings: ZooKeeperSettings, editor: Editor, size: int
) -> None:
    editor.put(f"{settings.prefix}/web/first", RECORD)
    editor.put_many([f"{settings.prefix}/web/n{i}" for i in range(size - 1)], RECORD)
    with ZooKeeperWatching(settings) as watching:
        watching.until(lambda s: len(s) == size, deadline=60)
        assert len(watching.seen) == 1
        editor.remove(f"{settings.prefix}/web/n7")
        watching.until(lambda s: len(s) == size - 1, deadline=60)
        editor.put(f"{settings.prefix}/web/n8", RECORD.replace("80", "81"))
        watching.until(lambda s: any(e.port == 81 for e in s.endpoints), deadline=60)


def test_burst_of_nodes_is_seen_whole(
    settings: ZooKeeperSettings, editor: Editor, tmp_path: Path
) -> None:
    editor.put(f"{settings.prefix}/web/first", RECORD)
    with ZooKeeperWatching(settings) as watching:
        watching.until_names("first")
        editor.put_many([f"{settings.prefix}/web/n{i}" for i in range(500)], RECORD)
        watching.until(lambda s: len(s) == 501)
        sizes = [len(snapshot) for snapshot in watching.seen]
        assert sizes == sorted(sizes)


def packets(registry: zookeeper.ZooKeeperEnsemble) -> int:
    """What the server has received so far, by its own count."""
    found = dict(line.split("\t") for line in registry.ask(0, "mntr").splitlines() if "\t" in line)
    return int(found["zk_packets_received"])


def test_one_service_alone_costs_the_server_no_more_in_a_large_registry(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings, editor: Editor
) -> None:
    editor.put(f"{settings.prefix}/_agents/lb1", RECORD)
    editor.put(f"{settings.prefix}/web/first", RECORD)
    editor.put_many([f"{settings.prefix}/web/n{n}" for n in range(500)], RECORD)
    before, stop = packets(registry), threading.Event()

    def publish(snapshot: Snapshot, **_said: object) -> None:
        assert [endpoint.name for endpoint in snapshot.endpoints] == ["lb1"]
        stop.set()

    ZooKeeperDiscovery(settings).only("_agents").watch(publish, stop)
    assert packets(registry) - before < 50
