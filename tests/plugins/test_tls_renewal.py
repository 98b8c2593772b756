"""Certificates and passwords that are renewed while agents and registrars run, on real servers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from lbdisc import certificates
from lbdisc.secret_files import FileSecret
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_lab.servers import etcd, zookeeper
from lbdisc_lab.servers.certificates import Authority
from lbdisc_lab.servers.etcd.roles import EtcdHolding, EtcdWatching, settings_of
from lbdisc_lab.servers.zookeeper.roles import ZooKeeperWatching, holding, settings_from

A = Endpoint(service="web", name="a", address="10.0.0.1", port=80)
LONG = 10.0  # seconds; the longest session that the test's server allows, to outlive its restart
BROKEN = "certificates cannot be used, those read before are"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[etcd.EtcdCluster]:
    with etcd.start(tmp_path / "etcd", tls=True) as registry:
        yield registry


@pytest.fixture
def ensemble(tmp_path: Path) -> Iterator[zookeeper.ZooKeeperEnsemble]:
    with zookeeper.start(tmp_path / "zookeeper", client_certificates=True) as registry:
        yield registry


def half_written(folder: Path) -> None:
    """The key of a renewed certificate, which itself is still to come."""
    key = Authority(folder / "next").issue("client", "client").key
    key.replace(folder / "client.key")


def test_etcd_is_followed_over_a_renewal_of_all_certificates(guarded: etcd.EtcdCluster) -> None:
    settings = settings_of(guarded.settings, ttl=60)
    with EtcdWatching(settings) as watching, EtcdHolding(settings, A) as held:
        watching.shows("web/a")
        guarded.renew()
        held.change(weight=7)
        watching.weighs(7)
        assert 0 not in watching.sizes[1:]
    assert (watching.broken, held.broken) == (None, None)


def test_etcd_goes_on_while_a_renewal_is_half_written(guarded: etcd.EtcdCluster) -> None:
    settings = settings_of(guarded.settings)
    with capture_logs() as logs, EtcdWatching(settings) as watching:
        watching.shows()
        half_written(guarded.folder / "tls")
        guarded.servers[0].process.kill()  # type: ignore[union-attr] # it runs
        guarded.servers[0].process.start()  # type: ignore[union-attr]
        with EtcdHolding(settings, A):
            watching.shows("web/a")
    told = [line["why"] for line in logs if line["event"] == BROKEN]
    assert len(told) == 1
    assert "not the key of etcd.cert_file" in told[0]


def test_broken_files_are_told_of_before_they_are_needed(
    guarded: etcd.EtcdCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "LOOK", 0.0)
    settings = settings_of(guarded.settings, reconcile_every=0.2)
    with capture_logs() as logs, EtcdWatching(settings) as watching:
        watching.shows()
        (guarded.folder / "tls" / "authority.pem").write_text("")
        told = eventually(lambda: [line["why"] for line in logs if line["event"] == BROKEN])
    assert told == [f"etcd.ca_file {guarded.folder / 'tls' / 'authority.pem'}: empty"]
    assert watching.errors == []


def test_zookeeper_is_followed_over_a_renewal_of_all_certificates(
    ensemble: zookeeper.ZooKeeperEnsemble,
) -> None:
    settings = settings_from(ensemble.settings, session_timeout=LONG)
    with ZooKeeperWatching(settings) as watching, holding(settings, A) as held:
        watching.until_names("a")
        ensemble.renew()
        held.change(weight=7)
        watching.until_weights(7)
        assert all(snapshot.endpoints for snapshot in watching.seen[1:])
    assert (watching.errors, held.errors) == ([], [])


def test_zookeeper_goes_on_while_a_renewal_is_half_written(
    ensemble: zookeeper.ZooKeeperEnsemble,
) -> None:
    settings = settings_from(ensemble.settings, session_timeout=LONG)
    with capture_logs() as logs, ZooKeeperWatching(settings) as watching:
        watching.until_names()
        half_written(ensemble.folder / "tls")
        ensemble.restart()
        with holding(settings, A):
            watching.until_names("a")
    told = [line["why"] for line in logs if line["event"] == BROKEN]
    assert len(told) == 1
    assert "not the key of zookeeper.cert_file" in told[0]


def test_zookeeper_takes_a_changed_password_for_its_next_connection(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(zookeeper.PASSWORD)
    with zookeeper.start(tmp_path / "zookeeper", require_sasl=True) as registry:
        login: dict[str, Any] = {"sasl_password": FileSecret(file), "session_timeout": LONG}
        settings = settings_from(registry.settings, **login)
        with ZooKeeperWatching(settings) as watching, holding(settings, A) as held:
            watching.until_names("a")
            file.write_text("staple battery")
            registry.change_password("staple battery")
            held.change(weight=7)
            watching.until_weights(7)
    assert (watching.errors, held.errors) == ([], [])
