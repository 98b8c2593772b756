"""The registrar on a real etcd: one key, one lease, and nobody else's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc import records
from lbdisc.register.holding import End
from lbdisc.testing import FaultProxy
from lbdisc.testing.leaks import Leaks
from lbdisc.testing.processes import Process, accepts, free_port
from lbdisc.testing.roles import STOP_WITHIN
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_etcd.failures import MemberUnreachable
from lbdisc_etcd.messages import Found
from lbdisc_etcd.patience import Patience
from lbdisc_etcd.registration import LeasedKey
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.wire import Session
from lbdisc_lab.servers.etcd import EtcdCluster, start
from lbdisc_lab.servers.etcd.etcdctl import binary
from lbdisc_lab.servers.etcd.roles import PATIENCE, EtcdHolding, EtcdWatching, settings_of

SLACK = 1.0  # seconds that a busy machine may add
KEY = "/lbdisc/web/a"
ENDPOINT = Endpoint(service="web", name="a", address="10.0.0.7", port=3000)
OTHER = Endpoint(service="web", name="a", address="10.0.0.8", port=3000)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    with start(tmp_path_factory.mktemp("etcd")) as registry:
        yield registry


@pytest.fixture
def registry(cluster: EtcdCluster) -> EtcdCluster:
    cluster.cli.delete("/", "--prefix")
    return cluster


@pytest.fixture
def settings(registry: EtcdCluster) -> EtcdSettings:
    return settings_of(registry.settings, ttl=3)


def registered(registry: EtcdCluster, endpoint: Endpoint = ENDPOINT) -> None:
    eventually(lambda: registry.cli.endpoint(KEY) == endpoint, what=str(endpoint))


def test_record_is_there_while_held_and_gone_after(
    registry: EtcdCluster, settings: EtcdSettings
) -> None:
    with EtcdHolding(settings, ENDPOINT):
        registered(registry)
    assert registry.cli.keys() == []
    assert registry.cli.leases() == []


def test_it_drains_before_it_leaves(registry: EtcdCluster, settings: EtcdSettings) -> None:
    with EtcdWatching(settings) as watching, EtcdHolding(settings, ENDPOINT) as holding:
        watching.shows("web/a")
        holding.stop()
        watching.shows()
    assert watching.states[-3:] == [["ready"], ["draining"], []]


def test_one_that_drains_already_just_leaves(registry: EtcdCluster, settings: EtcdSettings) -> None:
    with EtcdWatching(settings) as watching, EtcdHolding(settings, ENDPOINT.drain()) as holding:
        watching.shows("web/a")
        holding.stop()
        watching.shows()
    assert watching.states[-2:] == [["draining"], []]


def test_changes_are_written_while_held(registry: EtcdCluster, settings: EtcdSettings) -> None:
    with EtcdHolding(settings, ENDPOINT) as holding:
        registered(registry)
        lease = registry.cli.field(KEY, "Lease")
        holding.change(weight=7, state="draining", tags={"zone": "b"})
        registered(registry, holding.endpoint)
        assert registry.cli.field(KEY, "Lease") == lease


def test_broken_connection_alone_is_not_told(
    registry: EtcdCluster,
) -> None:
    with FaultProxy(registry.servers[0].client_port) as proxy:
        url = f"127.0.0.1:{proxy.port}"
        with EtcdHolding(settings_of({"etcd.endpoints": [url]}), ENDPOINT) as holding:
            holding.held(deadline=PATIENCE)
            for weight in (7, 8):
                proxy.drop()
                holding.change(weight=weight)
                registered(registry, holding.endpoint)
            eventually(lambda: len(holding.said) == 3)
    assert [said.weight for said in holding.said] == [100, 7, 8]


def test_nothing_is_written_while_nothing_changes(
    registry: EtcdCluster, settings: EtcdSettings
) -> None:
    with EtcdHolding(settings, ENDPOINT) as holding:
        registered(registry)
        before = registry.cli.field(KEY, "ModRevision")
        holding.change(weight=1)
        registered(registry, holding.endpoint)
        assert registry.cli.field(KEY, "ModRevision") == before + 1


@pytest.mark.parametrize("loss", ["revoke", "delete"])
def test_lost_lease_or_key_is_made_again_at_once(registry: EtcdCluster, loss: str) -> None:
    """Long before a third of the lease is over."""
    settings = settings_of(registry.settings, ttl=3600)
    with EtcdHolding(settings, ENDPOINT) as holding:
        holding.held(deadline=PATIENCE)
        created = registry.cli.field(KEY, "CreateRevision")
        if loss == "revoke":
            registry.cli.run("lease", "revoke", f"{registry.cli.field(KEY, 'Lease'):x}")
        else:
            registry.cli.delete(KEY)
        eventually(lambda: registry.cli.field(KEY, "CreateRevision") > created)
        registered(registry)


def test_key_that_others_changed_under_our_lease_is_written_again(registry: EtcdCluster) -> None:
    settings = settings_of(registry.settings, ttl=3600)
    with EtcdHolding(settings, ENDPOINT) as holding:
        holding.held(deadline=PATIENCE)
        registry.cli.run("put", "--ignore-lease", KEY, records.write(OTHER))
        registered(registry)


def test_key_that_another_took_is_known_at_once_and_costs_no_lease(registry: EtcdCluster) -> None:
    settings = settings_of(registry.settings, ttl=3600)
    with EtcdHolding(settings, ENDPOINT) as holding:
        holding.held(deadline=PATIENCE)
        registry.cli.put(KEY, records.write(OTHER))
        eventually(lambda: holding.rival)
        assert holding.rival == f"written without a lease: delete the key {KEY}"
        eventually(lambda: registry.cli.leases() == [])
        registry.cli.delete(KEY)
        registered(registry)


def test_answer_that_was_lost_is_found_by_the_next_put(
    registry: EtcdCluster, settings: EtcdSettings
) -> None:
    registration = LeasedKey(settings, *ENDPOINT.key)

    class Deaf(Session):
        def put(self, key: bytes, value: bytes, *, lease: int, over: int) -> Found:
            super().put(key, value, lease=lease, over=over)
            raise MemberUnreachable("no answer")

    with (
        Deaf(settings.members[0], settings, patience=Patience(3)) as deaf,
        pytest.raises(MemberUnreachable),
    ):
        registration.put(deaf, ENDPOINT)
    with Session(settings.members[0], settings, patience=Patience(3)) as session:
        assert registration.put(session, ENDPOINT)
        assert registry.cli.field(KEY, "Version") == 1
        registration.remove(session)
    assert (registry.cli.keys(), registry.cli.leases()) == ([], [])


def test_registration_through_a_grpc_proxy_is_kept(registry: EtcdCluster, tmp_path: Path) -> None:
    port = free_port()
    server = registry.servers[0].url.removeprefix("http://")
    order = f"grpc-proxy start --endpoints={server} --listen-addr=127.0.0.1:{port}"
    command = [binary("etcd", "etcd-server"), *order.split()]
    with Process(command, log=tmp_path / "proxy.log", ready=lambda: accepts(port)):
        through = settings_of({"etcd.endpoints": [f"127.0.0.1:{port}"]}, ttl=2)
        with EtcdHolding(through, ENDPOINT) as holding:
            holding.held(deadline=PATIENCE)
            unrenewed = registry.cli.run("lease", "grant", "6").split()[1]
            eventually(lambda: unrenewed not in registry.cli.leases(), what="6 s are over")
            assert registry.cli.field(KEY, "Version") == 1
            assert (holding.published, holding.errors) == (True, [])
        assert holding.stopped_in < STOP_WITHIN + SLACK
    assert registry.cli.keys() == []


def test_lease_ends_without_its_holder(registry: EtcdCluster, settings: EtcdSettings) -> None:
    """What a crash leaves behind: the registration ends by itself."""
    lease = registry.cli.run("lease", "grant", "2").split()[1]
    registry.cli.run("put", f"--lease={lease}", KEY, records.write(ENDPOINT))
    with EtcdWatching(settings) as watching:
        watching.shows("web/a")
        watching.shows()
    assert watching.states == [["ready"], []]


def test_second_of_one_name_waits_and_takes_over_at_once(
    registry: EtcdCluster, settings: EtcdSettings
) -> None:
    with EtcdHolding(settings, ENDPOINT) as first:
        registered(registry)
        with EtcdHolding(settings, OTHER) as second:
            eventually(lambda: second.rival)
            assert second.rival == f"lease {registry.cli.field(KEY, 'Lease'):x}"
            first.change(weight=5)
            registered(registry, first.endpoint)
            first.stop()
            registered(registry, OTHER)


def test_one_that_waits_leaves_the_other_alone(
    registry: EtcdCluster, settings: EtcdSettings
) -> None:
    with EtcdHolding(settings, ENDPOINT):
        registered(registry)
        with EtcdHolding(settings, OTHER) as second:
            eventually(lambda: second.rival)
            assert len(registry.cli.leases()) == 1
        assert second.end == End(held=False)
        assert registry.cli.field(KEY, "Version") == 1


def test_key_of_an_operator_is_never_touched(registry: EtcdCluster, settings: EtcdSettings) -> None:
    registry.cli.put(KEY, records.write(OTHER))
    with EtcdHolding(settings, ENDPOINT) as holding:
        eventually(lambda: holding.rival)
    assert registry.cli.field(KEY, "Version") == 1
    assert registry.cli.leases() == []


def test_key_that_an_operator_took_over_stays(
    registry: EtcdCluster, settings: EtcdSettings
) -> None:
    with EtcdHolding(settings, ENDPOINT) as holding:
        registered(registry)
        registry.cli.put(KEY, records.write(OTHER))
        holding.change(weight=1)
        eventually(lambda: holding.rival)
    assert registry.cli.field(KEY, "Version") == 2
    registered(registry, OTHER)


def test_stop_is_immediate_and_leaves_no_thread_and_no_socket(
    registry: EtcdCluster, settings: EtcdSettings
) -> None:
    leaks = Leaks()
    for _ in range(3):
        with EtcdHolding(settings, ENDPOINT) as holding:
            registered(registry)
        assert holding.stopped_in < STOP_WITHIN + SLACK
    leaks.check()
