"""Logins on a real etcd: what they cost a server, who waits for them, and what lives meanwhile."""

import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from lbdisc.errors import RegistrarError, RegistryBusy
from lbdisc.testing import FaultProxy
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_etcd.cluster import Cluster
from lbdisc_etcd.failures import RefusedLogin
from lbdisc_etcd.patience import Patience
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.wire import Session
from lbdisc_lab.servers.etcd import EtcdCluster, start
from lbdisc_lab.servers.etcd.roles import PATIENCE, EtcdHolding, EtcdWatching, settings_of

SLACK = 1.0  # seconds that a busy machine may add
HERD = 24
ENDPOINT = Endpoint(service="web", name="a", address="10.0.0.7", port=3000)
MEMBERS = ("a:1", "b:1", "c:1", "d:1", "e:1")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[EtcdCluster]:
    with start(tmp_path / "etcd", auth=True) as registry:
        yield registry


@pytest.fixture
def far(guarded: EtcdCluster) -> Iterator[FaultProxy]:
    """The way to it, on which an answer takes a second."""
    with FaultProxy(guarded.servers[0].client_port) as proxy:
        proxy.delay(0.5)
        yield proxy


def settings_over(proxy: FaultProxy, registry: EtcdCluster, **changes: object) -> EtcdSettings:
    return settings_of(registry.settings, endpoints=[f"127.0.0.1:{proxy.port}"], **changes)


def logins(registry: EtcdCluster) -> int:
    """How many logins the first member was asked for since it started."""
    with urllib.request.urlopen(f"{registry.servers[0].url}/metrics", timeout=5) as reply:
        text = reply.read().decode()
    found = re.search(r'started_total\{grpc_method="Authenticate".*\} (\S+)', text)
    return int(float(found[1])) if found else 0


def test_herd_is_back_with_one_login_each(guarded: EtcdCluster) -> None:
    """Each with a token of its own, as in processes of their own."""
    with ExitStack() as stack:
        herd = []
        for place in range(HERD):
            settings = settings_of(guarded.settings, request_timeout=0.5, page_size=1 + place)
            endpoint = replace(ENDPOINT, name=f"n{place}")
            herd.append(stack.enter_context(EtcdHolding(settings, endpoint)))
        for each in herd:
            each.held(deadline=PATIENCE)
        guarded.kill()
        for each in herd:
            each.failed(deadline=PATIENCE)
        guarded.start()
        for each in herd:
            each.held(deadline=PATIENCE)
        assert logins(guarded) <= HERD
        for each in herd:
            each.leave()


def test_one_token_serves_a_process_over_broken_connections(guarded: EtcdCluster) -> None:
    with FaultProxy(guarded.servers[0].client_port) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        settings = settings_of(guarded.settings, endpoints=[url])
        before = logins(guarded)
        with EtcdWatching(settings) as watching, EtcdHolding(settings, ENDPOINT) as holding:
            for weight in (7, 8, 9):
                proxy.drop()
                holding.change(weight=weight)
                watching.weighs(weight)
        assert logins(guarded) == before + 1


def test_lease_is_renewed_without_a_login(guarded: EtcdCluster) -> None:
    settings = settings_of(guarded.settings)
    with Session(settings.members[0], settings, patience=Patience(PATIENCE)) as session:
        session.login()
        lease = session.grant(60)
    with Session(settings.members[0], settings, patience=Patience(PATIENCE)) as session:
        session.refresh(lease)
        with pytest.raises(RefusedLogin):
            session.get(b"/lbdisc/web/a")


def test_login_on_its_way_lets_other_things_be_done(guarded: EtcdCluster, far: FaultProxy) -> None:
    done: list[Session] = []
    settings = settings_over(far, guarded)
    cluster = Cluster(settings, error=RegistrarError, timeout=PATIENCE, meanwhile=done.append)
    cluster.run(lambda session: None, threading.Event())
    assert len(done) > 3


def test_stop_during_a_login_takes_a_second(guarded: EtcdCluster, far: FaultProxy) -> None:
    with EtcdHolding(settings_over(far, guarded, ttl=60), ENDPOINT) as holding:
        holding.held(deadline=PATIENCE)
        guarded.cli.end_tokens()
        before = logins(guarded)
        holding.change(weight=7)
        eventually(lambda: logins(guarded) > before)
        far.stall()
        holding.stop()
        assert holding.stopped_in < 1.0 + SLACK
        assert holding.end is not None
        assert isinstance(holding.end.error, RegistryBusy)


def test_members_are_asked_in_an_order_of_ones_own() -> None:
    settings = EtcdSettings(endpoints=MEMBERS)
    orders = {settings.members_for(f"n{place}") for place in range(20)}
    assert {order[0] for order in orders} == set(settings.members)
    assert settings.members_for("n1") == settings.members_for("n1")
    assert replace(settings, shuffle=False).members_for("n1") == settings.members
