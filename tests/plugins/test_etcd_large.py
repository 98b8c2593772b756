"""A real etcd with more under the prefix than may be taken in: none of it stops a good entry."""

import resource
from collections.abc import Iterator

import pytest

from lbdisc.testing import FaultProxy
from lbdisc_etcd.channel import LARGEST
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_lab.servers.etcd import EtcdCluster, start
from lbdisc_lab.servers.etcd.roles import PATIENCE, EtcdWatching, settings_of
from support.etcd_world import Gateway

RECORD = b'{"address": "10.0.0.7", "port": 3000}'
JUNK = b"x" * 1_400_000
HUGE = b"x" * (LARGEST + 1_000_000)  # as servers take it that are told to
MOST = 64 * 1024  # KiB that reading may take on top
LIMITS = ("--max-request-bytes=20000000", "--quota-backend-bytes=8000000000")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    with start(tmp_path_factory.mktemp("etcd"), arguments=LIMITS) as registry:
        yield registry


@pytest.fixture
def gateway(server: EtcdCluster) -> Gateway:
    server.cli.delete("/", "--prefix")
    return Gateway(server.servers[0].client_port)


def put(gateway: Gateway, name: str, value: bytes = RECORD) -> None:
    gateway.put(f"/lbdisc/web/{name}", value)


def high_water() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def behind(proxy: FaultProxy) -> EtcdSettings:
    return settings_of({"etcd.endpoints": [f"127.0.0.1:{proxy.port}"]})


def test_64_mb_of_foreign_values_are_passed_over_in_little_memory(
    server: EtcdCluster, gateway: Gateway
) -> None:
    for number in range(46):
        put(gateway, f"junk{number}", JUNK)
    put(gateway, "z")
    before = high_water()
    with EtcdWatching(settings_of(server.settings)) as watching:
        assert len(watching.shows("web/z").problems) == 46
    assert high_water() - before < MOST


def test_value_larger_than_any_answer_is_named_and_the_others_are_read(
    server: EtcdCluster, gateway: Gateway
) -> None:
    put(gateway, "a")
    put(gateway, "b", HUGE)
    put(gateway, "c")
    with EtcdWatching(settings_of(server.settings)) as watching:
        problem = watching.shows("web/a", "web/c").problems[0]
    assert problem.where == "/lbdisc/web/b"
    assert "bytes: at most 65536" in problem.what


def test_event_larger_than_any_answer_stops_the_watch_once(
    server: EtcdCluster, gateway: Gateway
) -> None:
    with EtcdWatching(settings_of(server.settings)) as watching:
        watching.shows()
        for turn in range(3):
            put(gateway, "huge", HUGE + b"x" * turn)
            put(gateway, f"a{turn}")
            watching.counts(turn + 1)
        assert (watching.calls, watching.errors) == (1, [])


def test_value_that_becomes_too_large_takes_its_endpoint_away(
    server: EtcdCluster, gateway: Gateway
) -> None:
    put(gateway, "a")
    with EtcdWatching(settings_of(server.settings)) as watching:
        watching.shows("web/a")
        put(gateway, "a", JUNK)
        assert "1400000 bytes" in watching.shows().problems[0].what
        put(gateway, "a")
        assert watching.shows("web/a").problems == ()


def test_key_overwritten_in_an_outage_is_gone_past(server: EtcdCluster, gateway: Gateway) -> None:
    put(gateway, "a")
    with (
        FaultProxy(server.servers[0].client_port) as proxy,
        EtcdWatching(behind(proxy)) as watching,
    ):
        watching.shows("web/a")
        proxy.cut()
        for _ in range(60):
            put(gateway, "big", JUNK)
        gateway.remove("/lbdisc/web/big")
        gateway.remove("/lbdisc/web/a")
        put(gateway, "b")
        proxy.heal()
        watching.shows("web/b")
        put(gateway, "c")
        watching.shows("web/b", "web/c")


def test_long_keys_are_cut_in_what_is_kept_and_told(server: EtcdCluster, gateway: Gateway) -> None:
    put(gateway, "k" * 1_000_000)
    put(gateway, "k" * 999_999 + "j")
    put(gateway, "a")
    with EtcdWatching(settings_of(server.settings)) as watching:
        problems = watching.shows("web/a").problems
        assert len(problems) == 2
        assert all(len(str(problem)) < 400 for problem in problems)
        gateway.remove("/lbdisc/web/" + "k" * 1_000_000)
        gateway.remove("/lbdisc/web/" + "k" * 999_999 + "j")
        watching.until(lambda shot: not shot.problems, deadline=PATIENCE)
