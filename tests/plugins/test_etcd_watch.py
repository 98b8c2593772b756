"""Discovery on a real etcd: what is read, what is told, and in which order."""

import threading
from collections.abc import Iterator

import pytest

from lbdisc.errors import SettingsError
from lbdisc.testing.leaks import Leaks
from lbdisc.values import Endpoint
from lbdisc_etcd.discovery import EtcdDiscovery
from lbdisc_etcd.registrar import EtcdRegistrar
from lbdisc_lab.servers.etcd import EtcdCluster, start
from lbdisc_lab.servers.etcd.roles import EtcdHolding, EtcdWatching, settings_of

RECORD = '{"address": "10.0.0.7", "port": 3000}'


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    with start(tmp_path_factory.mktemp("etcd")) as registry:
        yield registry


@pytest.fixture
def registry(cluster: EtcdCluster) -> EtcdCluster:
    cluster.cli.delete("/", "--prefix")
    return cluster


def test_empty_prefix_is_published_as_empty(registry: EtcdCluster) -> None:
    with EtcdWatching(settings_of(registry.settings)) as watching:
        watching.shows()


def test_state_comes_first_and_then_every_change(registry: EtcdCluster) -> None:
    registry.cli.put("/lbdisc/web/a", RECORD)
    with EtcdWatching(settings_of(registry.settings)) as watching:
        watching.shows("web/a")
        registry.cli.put("/lbdisc/web/b", RECORD)
        watching.shows("web/a", "web/b")
        registry.cli.put("/lbdisc/web/b", '{"address": "10.0.0.8", "port": 1, "weight": 7}')
        watching.weighs(100, 7)
        registry.cli.delete("/lbdisc/web/a")
        watching.shows("web/b")


def test_each_state_names_its_revision(registry: EtcdCluster) -> None:
    with EtcdWatching(settings_of(registry.settings)) as watching:
        watching.shows()
        registry.cli.put("/lbdisc/web/a", RECORD)
        watching.shows("web/a")
        first, second = (int(told.revision) for told in watching.seen.history)
        assert second == first + 1


def test_nothing_is_published_twice(registry: EtcdCluster) -> None:
    with EtcdWatching(settings_of(registry.settings)) as watching:
        watching.shows()
        for _ in range(3):
            registry.cli.put("/lbdisc/web/a", RECORD)
        registry.cli.put("/lbdisc/web/b", RECORD)
        watching.shows("web/a", "web/b")
        assert watching.sizes == [0, 1, 2]


def test_one_transaction_is_one_snapshot(registry: EtcdCluster) -> None:
    with EtcdWatching(settings_of(registry.settings)) as watching:
        watching.shows()
        registry.cli.put_all({f"/lbdisc/web/n{n}": RECORD for n in range(60)})
        watching.counts(60)
        assert watching.sizes == [0, 60]


def test_neighbours_of_the_prefix_do_not_mix(registry: EtcdCluster) -> None:
    for prefix in ("/lbdisc2", "/lbdisc-", "/lbdis", "/lbdisc0", "/lbdisc.", ""):
        registry.cli.put(f"{prefix}/web/other", RECORD)
    registry.cli.put("/lbdisc/web/a", RECORD)
    with EtcdWatching(settings_of(registry.settings)) as watching:
        assert watching.shows("web/a").problems == ()
        registry.cli.put("/lbdisc2/web/another", RECORD)
        registry.cli.put("/lbdisc/web/b", RECORD)
        assert watching.shows("web/a", "web/b").problems == ()


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("/lbdisc/web", RECORD, "PREFIX/SERVICE/NAME"),
        ("/lbdisc/web/a/b", RECORD, "PREFIX/SERVICE/NAME"),
        ("/lbdisc/web/", RECORD, "bad name ''"),
        ("/lbdisc//a", RECORD, "bad service ''"),
        ("/lbdisc/web/-a", RECORD, "bad name '-a'"),
        ("/lbdisc/web/a b", RECORD, "bad name 'a b'"),
        ("/lbdisc/web/a\nserver x", RECORD, r"bad name 'a\nserver x'"),
        ("/lbdisc/web/é", RECORD, "bad name"),
        ("/lbdisc/web/a", "", "no JSON"),
        ("/lbdisc/web/a", "[]", "a JSON list"),
        ("/lbdisc/web/a", "[" * 50000, "nested more than 20 deep"),
        ("/lbdisc/web/a", '{"port": 3000}', "no 'address'"),
        ("/lbdisc/web/a", '{"address": "10.0.0.7", "port": "80 check"}', "bad port"),
        ("/lbdisc/web/a", '{"address": "10.0.0.7 check", "port": 80}', "bad address"),
        ("/lbdisc/web/a", '{"address": "10.0.0.7", "port": 80, "weight": -1}', "bad weight"),
        ("/lbdisc/web/a", '{"address": "a", "port": 1, "x": "' + "y" * 65536 + '"}', "at most"),
    ],
)
def test_bad_entry_is_a_problem_and_the_others_stay(
    registry: EtcdCluster, key: str, value: str, what: str
) -> None:
    registry.cli.put("/lbdisc/web/good", RECORD)
    registry.cli.put(key, value)
    with EtcdWatching(settings_of(registry.settings)) as watching:
        (problem,) = watching.shows("web/good").problems
    assert what in problem.what
    assert problem.where.isprintable()
    assert problem.where.startswith("/lbdisc/")


def test_entry_that_turns_bad_is_left_out_and_mends(registry: EtcdCluster) -> None:
    registry.cli.put("/lbdisc/web/a", RECORD)
    with EtcdWatching(settings_of(registry.settings)) as watching:
        watching.shows("web/a")
        registry.cli.put("/lbdisc/web/a", "nonsense")
        assert [problem.where for problem in watching.shows().problems] == ["/lbdisc/web/a"]
        registry.cli.put("/lbdisc/web/a", RECORD)
        assert watching.shows("web/a").problems == ()
        registry.cli.put("/lbdisc/odd", "")
        watching.finds(lambda shot: [p.where for p in shot.problems], ("/lbdisc/odd",))
        registry.cli.delete("/lbdisc/odd")
        watching.finds(lambda shot: [*shot.problems], ())


def test_format_and_port_are_settings(registry: EtcdCluster) -> None:
    registry.cli.put("/proxies/web/a", "10.0.0.7")
    settings = settings_of(registry.settings, prefix="/proxies/", format="hostport", port=8080)
    with EtcdWatching(settings) as watching:
        assert watching.shows("web/a").endpoints[0].host_port == "10.0.0.7:8080"


def test_registrar_writes_its_own_format_only(registry: EtcdCluster) -> None:
    registrar = EtcdRegistrar(settings_of(registry.settings, format="hostport"))
    endpoint = Endpoint(service="web", name="a", address="10.0.0.7", port=80)
    opening = registrar.open(endpoint, threading.Event())
    with pytest.raises(SettingsError, match=r"etcd\.format"), opening:
        pass


@pytest.mark.timeout(120)  # 10,000 records are slow to put in on a busy machine
def test_ten_thousand_endpoints_are_read_in_pages_and_watched(registry: EtcdCluster) -> None:
    padded = '{"address": "10.0.0.7", "port": 3000, "tags": {"text": "' + "x" * 500 + '"}}'
    registry.cli.put_all({f"/lbdisc/web/n{n:05}": padded for n in range(10_000)})
    with EtcdWatching(settings_of(registry.settings)) as watching:
        first = watching.counts(10_000)
        registry.cli.delete("/lbdisc/web/n05000")
        second = watching.counts(9_999)
    assert [e.name for e in second.since(first).removed] == ["n05000"]
    assert watching.sizes == [10_000, 9_999]
    assert first.endpoints[0] is second.endpoints[0]  # what did not change is not parsed again


def test_pages_show_one_moment(registry: EtcdCluster) -> None:
    """Writes between the pages of a full read neither tear it nor get lost."""
    registry.cli.put_all({f"/lbdisc/web/n{n:03}": RECORD for n in range(300)})
    settings = settings_of(registry.settings, page_size=1)
    moved = Endpoint(service="web", name="n299", address="10.0.0.7", port=3000)
    registry.cli.delete("/lbdisc/web/n299")
    with EtcdWatching(settings) as watching, EtcdHolding(settings, moved):
        snapshot = watching.counts(300)
    assert [e.name for e in snapshot.endpoints] == [f"n{n:03}" for n in range(300)]


def test_stop_leaves_no_thread_and_no_socket(registry: EtcdCluster) -> None:
    settings = settings_of(registry.settings)
    leaks = Leaks()
    for _ in range(3):
        with EtcdWatching(settings) as watching:
            watching.shows()
    leaks.check()


def test_discovery_makes_nothing_before_it_watches() -> None:
    before = threading.active_count()
    EtcdDiscovery(settings_of({"etcd.endpoints": ["127.0.0.1:1"]}))
    assert threading.active_count() == before
