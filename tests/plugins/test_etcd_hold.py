"""The registrar on a real etcd: one key, one lease, and nobody else's."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from lbdisc import records
from lbdisc.testing.leaks import Leaks
from lbdisc.testing.roles import STOP_WITHIN
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_lab.servers.etcd import Registry, start
from lbdisc_lab.servers.etcd.roles import Holding, Watching, settings_of

SLACK = 1.0  # seconds that a busy machine may add
KEY = "/lbdisc/web/a"
ENDPOINT = Endpoint(service="web", name="a", address="10.0.0.7", port=3000)
OTHER = Endpoint(service="web", name="a", address="10.0.0.8", port=3000)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with start(tmp_path_factory.mktemp("etcd")) as registry:
        yield registry


@pytest.fixture
def registry(cluster: Registry) -> Registry:
    cluster.cli.delete("/", "--prefix")
    return cluster


@pytest.fixture
def settings(registry: Registry) -> EtcdSettings:
    return settings_of(registry.settings, ttl=3)


def registered(registry: Registry, endpoint: Endpoint = ENDPOINT) -> None:
    eventually(lambda: registry.cli.value(KEY) == records.write(endpoint), what=str(endpoint))


def test_record_is_there_while_held_and_gone_after(
    registry: Registry, settings: EtcdSettings
) -> None:
    with Holding(settings, ENDPOINT):
        registered(registry)
    assert registry.cli.keys() == []
    assert registry.cli.leases() == []


def test_it_drains_before_it_leaves(registry: Registry, settings: EtcdSettings) -> None:
    with Watching(settings) as watching, Holding(settings, ENDPOINT) as holding:
        watching.shows("web/a")
        holding.stop()
        watching.shows()
    assert watching.states[-3:] == [["ready"], ["draining"], []]


def test_one_that_drains_already_just_leaves(registry: Registry, settings: EtcdSettings) -> None:
    with Watching(settings) as watching, Holding(settings, ENDPOINT.drain()) as holding:
        watching.shows("web/a")
        holding.stop()
        watching.shows()
    assert watching.states[-2:] == [["draining"], []]


def test_changes_are_written_while_held(registry: Registry, settings: EtcdSettings) -> None:
    with Holding(settings, ENDPOINT) as holding:
        registered(registry)
        lease = registry.cli.field(KEY, "Lease")
        holding.change(weight=7, state="draining", tags={"zone": "b"})
        registered(registry, holding.endpoint)
        assert registry.cli.field(KEY, "Lease") == lease


def test_nothing_is_written_while_nothing_changes(
    registry: Registry, settings: EtcdSettings
) -> None:
    with Holding(settings, ENDPOINT) as holding:
        registered(registry)
        before = registry.cli.field(KEY, "ModRevision")
        holding.change(weight=1)
        registered(registry, holding.endpoint)
        assert registry.cli.field(KEY, "ModRevision") == before + 1


@pytest.mark.parametrize("loss", ["revoke", "delete"])
def test_lost_lease_or_key_is_made_again(
    registry: Registry, settings: EtcdSettings, loss: str
) -> None:
    with capture_logs() as logs, Holding(settings, ENDPOINT):
        registered(registry)
        created = registry.cli.field(KEY, "CreateRevision")
        if loss == "revoke":
            registry.cli.run("lease", "revoke", f"{registry.cli.field(KEY, 'Lease'):x}")
        else:
            registry.cli.delete(KEY)
        eventually(lambda: registry.cli.field(KEY, "CreateRevision") > created)
        registered(registry)
        eventually(lambda: "registered again" in [line["event"] for line in logs])


def test_lease_ends_without_its_holder(registry: Registry, settings: EtcdSettings) -> None:
    """What a crash leaves behind: the registration ends by itself."""
    lease = registry.cli.run("lease", "grant", "2").split()[1]
    registry.cli.run("put", f"--lease={lease}", KEY, records.write(ENDPOINT))
    with Watching(settings) as watching:
        watching.shows("web/a")
        watching.shows()
    assert watching.states == [["ready"], []]


def test_second_of_one_name_waits_says_so_once_and_takes_over(
    registry: Registry, settings: EtcdSettings
) -> None:
    with capture_logs() as logs, Holding(settings, ENDPOINT) as first:
        registered(registry)
        with Holding(settings, OTHER):
            waiting = "another registrar holds this name: waiting until it leaves"
            eventually(lambda: waiting in [line["event"] for line in logs])
            first.change(weight=5)
            registered(registry, first.endpoint)
            first.stop()
            registered(registry, OTHER)
    assert [line["event"] for line in logs].count(waiting) == 1


def test_one_that_waits_leaves_the_other_alone(registry: Registry, settings: EtcdSettings) -> None:
    with Holding(settings, ENDPOINT):
        registered(registry)
        with capture_logs() as logs, Holding(settings, OTHER):
            eventually(lambda: logs)
        registered(registry)
        assert len(registry.cli.leases()) == 1


def test_key_of_an_operator_is_never_touched(registry: Registry, settings: EtcdSettings) -> None:
    registry.cli.put(KEY, records.write(OTHER))
    with capture_logs() as logs, Holding(settings, ENDPOINT):
        eventually(lambda: logs)
    registered(registry, OTHER)


def test_key_that_an_operator_took_over_stays(registry: Registry, settings: EtcdSettings) -> None:
    with Holding(settings, ENDPOINT) as holding:
        registered(registry)
        registry.cli.put(KEY, records.write(OTHER))
        holding.change(weight=1)
        eventually(lambda: registry.cli.field(KEY, "Version") == 2)
    registered(registry, OTHER)


def test_stop_is_immediate_and_leaves_no_thread_and_no_socket(
    registry: Registry, settings: EtcdSettings
) -> None:
    leaks = Leaks()
    for _ in range(3):
        with Holding(settings, ENDPOINT) as holding:
            registered(registry)
        assert holding.stopped_in < STOP_WITHIN + SLACK
    leaks.check()
