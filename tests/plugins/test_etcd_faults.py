"""Faults of a real etcd cluster: what is known stays, and what happened meanwhile is caught up."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lbdisc.register.holding import End
from lbdisc.testing import FaultProxy
from lbdisc.testing.roles import STOP_WITHIN
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_lab.servers.etcd import EtcdCluster, start
from lbdisc_lab.servers.etcd.etcdctl import Etcdctl
from lbdisc_lab.servers.etcd.roles import PATIENCE, EtcdHolding, EtcdWatching, settings_of

SLACK = 1.0  # seconds that a busy machine may add
KEY = "/lbdisc/web/a"
RECORD = '{"address": "10.0.0.7", "port": 3000}'
ENDPOINT = Endpoint(service="web", name="a", address="10.0.0.7", port=3000)


@pytest.fixture
def single(tmp_path: Path) -> Iterator[EtcdCluster]:
    with start(tmp_path / "etcd") as registry:
        yield registry


@dataclass
class Proxied:
    """One server that the plugin reaches through a proxy, and ``cli`` past it."""

    proxy: FaultProxy
    cli: Etcdctl

    def __post_init__(self) -> None:
        url = f"http://127.0.0.1:{self.proxy.port}"
        self.settings = settings_of({"etcd.endpoints": [url]})
        self.cut, self.heal = self.proxy.cut, self.proxy.heal


@pytest.fixture
def proxied(single: EtcdCluster) -> Iterator[Proxied]:
    with FaultProxy(single.servers[0].client_port) as proxy:
        yield Proxied(proxy, single.cli)


@pytest.fixture
def three(tmp_path: Path) -> Iterator[EtcdCluster]:
    with start(tmp_path / "etcd", members=3) as registry:
        yield registry


def settings_from(registry: EtcdCluster, first: int = 0, **changes: object) -> EtcdSettings:
    """Settings that ask member ``first`` first."""
    urls = [server.url for server in registry.servers]
    order = {"endpoints": [*urls[first:], *urls[:first]], "shuffle": False}
    return settings_of(registry.settings, **{"ttl": 3} | order | changes)


def test_unreachable_is_an_error_that_names_the_setting() -> None:
    with EtcdWatching(settings_of({"etcd.endpoints": ["127.0.0.1:1"]})) as watching:
        error = watching.failed(deadline=PATIENCE)
    assert "etcd.endpoints" in str(error)
    assert "http://127.0.0.1:1: Failed to connect to remote host: Connection refused" in str(error)
    assert "\n" not in str(error)
    assert watching.snapshots == []


def test_restart_publishes_no_smaller_snapshot(single: EtcdCluster) -> None:
    single.cli.put(KEY, RECORD)
    with EtcdWatching(settings_from(single)) as watching:
        watching.shows("web/a")
        single.kill()
        watching.failed(deadline=PATIENCE)
        single.start()
        single.cli.put("/lbdisc/web/b", RECORD)
        watching.shows("web/a", "web/b")
    assert 0 not in watching.sizes


def test_who_left_cleanly_in_an_outage_is_draining_before_it_goes(proxied: Proxied) -> None:
    proxied.cli.put(KEY, RECORD)
    with EtcdWatching(proxied.settings) as watching:
        watching.shows("web/a")
        proxied.cut()
        watching.failed(deadline=PATIENCE)
        proxied.cli.put(KEY, RECORD.replace("}", ', "state": "draining"}'))
        proxied.cli.delete(KEY)
        proxied.heal()
        watching.shows()
    assert watching.states == [["ready"], ["draining"], []]


def test_broken_connection_alone_publishes_nothing(proxied: Proxied) -> None:
    proxied.cli.put(KEY, RECORD)
    with EtcdWatching(proxied.settings) as watching:
        watching.shows("web/a")
        proxied.proxy.drop()
        proxied.cli.put("/lbdisc/web/b", RECORD)
        watching.shows("web/a", "web/b")
    assert watching.sizes == [1, 2]


def test_compaction_during_an_outage_leads_to_a_full_read(proxied: Proxied) -> None:
    proxied.cli.put(KEY, RECORD)
    proxied.cli.put("/lbdisc/web/b", RECORD)
    with EtcdWatching(proxied.settings) as watching:
        watching.shows("web/a", "web/b")
        proxied.cut()
        watching.failed(deadline=PATIENCE)
        proxied.cli.delete(KEY)
        proxied.cli.put("/lbdisc/web/c", RECORD)
        proxied.cli.compact()
        proxied.heal()
        watching.shows("web/b", "web/c")
    assert watching.sizes == [2, 2]


def test_ten_thousand_records_of_an_outage_are_read_in_pages(proxied: Proxied) -> None:
    padded = RECORD.replace("}", ', "tags": {"text": "' + "x" * 500 + '"}}')
    with EtcdWatching(proxied.settings) as watching:
        watching.shows()
        proxied.cut()
        watching.failed(deadline=PATIENCE)
        proxied.cli.put_all({f"/lbdisc/web/n{n:05}": padded for n in range(10_000)})
        proxied.heal()
        watching.counts(10_000)
    assert watching.sizes == [0, 10_000]


def test_wiped_cluster_is_read_anew_and_registered_in_again(single: EtcdCluster) -> None:
    settings = settings_from(single)
    with EtcdWatching(settings) as watching, EtcdHolding(settings, ENDPOINT):
        watching.shows("web/a")
        single.cli.put("/lbdisc/web/old", RECORD)
        watching.shows("web/a", "web/old")
        single.wipe()
        watching.shows("web/a")
        single.cli.put("/lbdisc/web/new", RECORD)
        watching.shows("web/a", "web/new")


def test_older_state_of_the_same_cluster_is_read_anew(single: EtcdCluster, tmp_path: Path) -> None:
    """Restored from a backup: the revision is behind, and a watch from it would stay silent."""
    single.cli.put(KEY, RECORD)
    single.kill()
    shutil.copytree(single.servers[0].folder, tmp_path / "backup")
    single.start()
    with EtcdWatching(settings_from(single)) as watching:
        for name in "bcde":
            single.cli.put(f"/lbdisc/web/{name}", RECORD)
        watching.shows("web/a", "web/b", "web/c", "web/d", "web/e")
        single.kill()
        shutil.rmtree(single.servers[0].folder)
        shutil.copytree(tmp_path / "backup", single.servers[0].folder)
        single.start()
        watching.shows("web/a")
        single.cli.put("/lbdisc/web/f", RECORD)
        watching.shows("web/a", "web/f")


def test_killed_leader_costs_nothing(three: EtcdCluster) -> None:
    leader = three.leader()
    settings = settings_from(three, first=leader)
    with EtcdWatching(settings) as watching:
        with EtcdHolding(settings, ENDPOINT) as holding:
            watching.shows("web/a")
            three.kill(leader)
            holding.change(weight=7)
            watching.weighs(7)
            three.start(leader)
        watching.counts(0)
    assert watching.sizes[-3:] in ([1, 1, 0], [1, 0])  # drained, gone: only at the end
    assert 0 not in watching.sizes[1:-1]


def test_frozen_member_is_left_for_another(three: EtcdCluster) -> None:
    follower = (three.leader() + 1) % 3
    settings = settings_from(three, first=follower)
    with EtcdWatching(settings) as watching, EtcdHolding(settings, ENDPOINT) as holding:
        watching.shows("web/a")
        three.pause(follower)
        holding.change(weight=7)
        watching.weighs(7)
    assert watching.errors == []
    assert 0 not in watching.sizes[1:-1]


def test_leaving_a_frozen_member_is_done_by_another(three: EtcdCluster) -> None:
    follower = (three.leader() + 1) % 3
    settings = settings_from(three, first=follower, ttl=3600)
    with EtcdHolding(settings, ENDPOINT) as holding:
        holding.held(deadline=PATIENCE)
        three.pause(follower)
        holding.stop()
        three.resume(follower)
    assert holding.end == End(held=True)
    assert three.cli.keys() == []


def test_member_without_quorum_is_an_error_and_heals(three: EtcdCluster) -> None:
    three.cli.put(KEY, RECORD)
    leader = three.leader()
    with EtcdWatching(settings_from(three, first=leader)) as watching:
        watching.shows("web/a")
        for other in {0, 1, 2} - {leader}:
            three.pause(other)
        error = watching.failed(deadline=PATIENCE)
        three.resume()
        three.cli.put("/lbdisc/web/b", RECORD)
        watching.shows("web/a", "web/b")
    assert "etcd.endpoints" in str(error)
    assert 0 not in watching.sizes


def test_registrar_survives_two_members_paused_for_longer_than_the_lease(
    three: EtcdCluster,
) -> None:
    settings = settings_from(three, first=three.leader())
    with EtcdWatching(settings) as watching, EtcdHolding(settings, ENDPOINT) as holding:
        watching.shows("web/a")
        three.pause(1)
        three.pause(2)
        holding.failed(deadline=PATIENCE)
        three.resume()
        holding.change(weight=9)
        watching.weighs(9)


@pytest.mark.parametrize("heals", [False, True])
def test_one_that_waits_over_a_silent_connection_never_says_that_it_holds(
    single: EtcdCluster, proxied: Proxied, *, heals: bool
) -> None:
    other = replace(ENDPOINT, address="10.0.0.8")
    with EtcdHolding(settings_from(single), ENDPOINT) as first:
        first.held(deadline=PATIENCE)
        second = EtcdHolding(proxied.settings, other).start()
        eventually(lambda: second.rival)
        proxied.proxy.stall()
        second.failed(deadline=PATIENCE)
        second.rival = None
        if heals:
            proxied.heal()
            eventually(lambda: second.rival)
        second.stop()
        assert second.end == End(held=False)
        assert second.stopped_in < STOP_WITHIN + SLACK
        assert single.cli.endpoint(KEY) == ENDPOINT


def test_name_that_others_took_in_a_wiped_cluster_is_theirs(
    single: EtcdCluster, proxied: Proxied
) -> None:
    """Under the same token and at the same address: what was known of it is of no use."""
    with EtcdHolding(proxied.settings, ENDPOINT) as holding:
        holding.held(deadline=PATIENCE)
        proxied.cut()
        single.kill()
        shutil.rmtree(single.servers[0].folder)
        single.start()
        single.cli.put(KEY, RECORD)
        proxied.heal()
        eventually(lambda: holding.rival)
    assert single.cli.value(KEY) == RECORD
    assert single.cli.leases() == []


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_leaving_an_unreachable_cluster_ends_soon_and_the_lease_does_the_rest(
    single: EtcdCluster, fault: str
) -> None:
    with EtcdHolding(settings_from(single), ENDPOINT) as holding:
        eventually(lambda: single.cli.endpoint(KEY) == ENDPOINT)
        getattr(single, fault)()
        holding.stop()
    assert holding.stopped_in < 5.0  # seconds; two of them for the farewell
    assert holding.end is not None
    assert holding.end.error is not None
    assert holding.end.expires_s == 3.0
    single.resume()
    single.start()
    eventually(lambda: single.cli.keys() == [])


def test_watch_stops_at_once_on_a_frozen_server(single: EtcdCluster) -> None:
    with EtcdWatching(settings_from(single)) as watching:
        watching.shows()
        single.pause()
    assert watching.stopped_in < STOP_WITHIN + SLACK


def test_repeated_faults_lose_no_change(three: EtcdCluster) -> None:
    """Every member fails once while a writer goes on; no intermediate state is lost."""
    with EtcdWatching(settings_from(three)) as watching:
        watching.shows()
        names = []
        for turn in range(3):
            three.restart(turn)
            for place in range(10):
                name = f"n{turn}{place}"
                three.cli.put(f"/lbdisc/web/{name}", RECORD)
                names.append(f"web/{name}")
        watching.shows(*names)
    assert watching.sizes == sorted(watching.sizes)
    assert set(watching.sizes) == set(range(31))
