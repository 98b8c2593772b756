"""Another history at the same addresses, made by the same command lines: never followed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lbdisc.testing import FaultProxy
from lbdisc.testing.processes import Process, accepts, free_port
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_lab.servers.etcd import EtcdCluster, start
from lbdisc_lab.servers.etcd.etcdctl import binary
from lbdisc_lab.servers.etcd.roles import PATIENCE, EtcdHolding, EtcdWatching, settings_of

ENDPOINT = Endpoint(service="web", name="a", address="10.0.0.7", port=3000)
KEY = "/lbdisc/web/a"
RECORD = '{"address": "10.0.0.7", "port": 3000}'


@pytest.fixture
def single(tmp_path: Path) -> Iterator[EtcdCluster]:
    with start(tmp_path / "etcd") as registry:
        yield registry


@pytest.fixture
def proxy(single: EtcdCluster) -> Iterator[FaultProxy]:
    with FaultProxy(single.servers[0].client_port) as proxy:
        yield proxy


def settings_behind(port: int, **changes: object) -> EtcdSettings:
    return settings_of({"etcd.endpoints": [f"127.0.0.1:{port}"]}, **changes)


def put(registry: EtcdCluster, *names: str) -> None:
    for name in names:
        registry.cli.put(f"/lbdisc/web/{name}", RECORD)


def test_restored_cluster_that_others_wrote_to_first_is_read_anew(
    single: EtcdCluster, proxy: FaultProxy
) -> None:
    put(single, "s1", "s2", "s3")
    backup = single.backup()
    with EtcdWatching(settings_behind(proxy.port)) as watching:
        put(single, "s4")
        single.cli.delete("/lbdisc/web/s1")
        watching.shows("web/s2", "web/s3", "web/s4")
        proxy.cut()
        told = single.cli.revision
        single.restore(backup)
        single.outrun(told)
        proxy.heal()
        watching.shows("web/s1", "web/s2", "web/s3")
        put(single, "s5")
        watching.shows("web/s1", "web/s2", "web/s3", "web/s5")


@pytest.mark.parametrize("past", [True, False])
def test_cluster_set_up_anew_is_read_anew(
    single: EtcdCluster, proxy: FaultProxy, *, past: bool
) -> None:
    put(single, "s1", "s2", "s3")
    with EtcdWatching(settings_behind(proxy.port)) as watching:
        watching.shows("web/s1", "web/s2", "web/s3")
        proxy.cut()
        told = single.cli.revision
        single.wipe()
        put(single, "s2")
        if past:
            single.outrun(told)
        proxy.heal()
        watching.shows("web/s2")
        put(single, "s9")
        watching.shows("web/s2", "web/s9")


def test_another_cluster_behind_the_address_is_read_anew(
    single: EtcdCluster, proxy: FaultProxy, tmp_path: Path
) -> None:
    put(single, "s1", "s2")
    with (
        start(tmp_path / "other") as other,
        EtcdWatching(settings_behind(proxy.port)) as watching,
    ):
        watching.shows("web/s1", "web/s2")
        put(other, "s7")
        other.outrun(single.cli.revision)
        proxy.target = ("127.0.0.1", other.servers[0].client_port)
        proxy.drop()
        watching.shows("web/s7")


def holds(registry: EtcdCluster, holding: EtcdHolding) -> bool:
    """Whether ``holding`` says that it holds the entry, and the cluster agrees."""
    return holding.published and registry.cli.endpoint(KEY) == holding.endpoint


@pytest.mark.parametrize("before", ["registered", "earlier lease", "earlier state"])
def test_entry_is_back_soon_in_a_restored_cluster(
    single: EtcdCluster, proxy: FaultProxy, before: str
) -> None:
    """Also where the backup knows it: before it was there, by a lease that ended, changed since."""
    backup = single.backup()
    with EtcdHolding(settings_behind(proxy.port, ttl=3600), ENDPOINT) as holding:
        holding.held(deadline=PATIENCE)
        if before != "registered":
            backup = single.backup()
        if before == "earlier lease":
            lease = single.cli.field(KEY, "Lease")
            single.cli.run("lease", "revoke", f"{lease:x}")
            eventually(lambda: single.cli.field(KEY, "Lease") not in (0, lease))
        holding.change(weight=7)
        eventually(lambda: holds(single, holding))
        proxy.cut()
        holding.failed(deadline=PATIENCE)
        told = single.cli.revision
        single.restore(backup)
        single.outrun(told)
        proxy.heal()
        eventually(lambda: holds(single, holding))
        assert holding.rival is None
    assert single.cli.keys() == []


def test_entry_that_another_has_in_the_restored_cluster_is_his(
    single: EtcdCluster, proxy: FaultProxy
) -> None:
    other = replace(ENDPOINT, address="10.0.0.8")
    with EtcdHolding(settings_of(single.settings, ttl=3600), other) as first:
        first.held(deadline=PATIENCE)
        backup = single.backup()
    with EtcdHolding(settings_behind(proxy.port), ENDPOINT) as holding:
        holding.held(deadline=PATIENCE)
        proxy.cut()
        told = single.cli.revision
        single.restore(backup)
        single.outrun(told)
        proxy.heal()
        eventually(lambda: holding.rival)
        assert not holding.published
    assert single.cli.endpoint(KEY) == other


def test_what_a_watch_never_told_is_found_by_the_slow_reading(
    single: EtcdCluster, tmp_path: Path
) -> None:
    """Behind a grpc-proxy the cluster is restored; its connections to us stay."""
    put(single, "s1", "s2", "s3")
    backup, port = single.backup(), free_port()
    order = f"grpc-proxy start --endpoints={single.servers[0].url} --listen-addr=127.0.0.1:{port}"
    with Process([binary("etcd", "etcd-server"), *order.split()], log=tmp_path / "log").start():
        eventually(lambda: accepts(port))
        with EtcdWatching(settings_behind(port, reconcile_every=1)) as watching:
            put(single, "s4")
            single.cli.delete("/lbdisc/web/s1")
            watching.shows("web/s2", "web/s3", "web/s4")
            told = single.cli.revision
            single.restore(backup)
            single.outrun(told)
            watching.shows("web/s1", "web/s2", "web/s3")


def test_slow_reading_tells_nothing_while_nothing_differs(single: EtcdCluster) -> None:
    put(single, "s1")
    with EtcdWatching(settings_of(single.settings, reconcile_every=0.1)) as watching:
        watching.shows("web/s1")
        for turn in range(20):
            single.cli.put(f"/lbdisc/web/n{turn}", RECORD)
        eventually(lambda: watching.sizes[-1:] == [21])
    assert watching.sizes == [*range(1, 22)]
