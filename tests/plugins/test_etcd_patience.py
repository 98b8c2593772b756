"""A member that starves is waited for longer while no other helps, and no longer than that."""

import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lbdisc.testing import FaultProxy
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_etcd.patience import CONNECTING, MOST, Patience
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_lab.servers.etcd import EtcdCluster, start
from lbdisc_lab.servers.etcd.roles import EtcdHolding, EtcdWatching, settings_of

ENDPOINT = Endpoint(service="web", name="a", address="10.0.0.7", port=3000)
PATIENCE = 60.0  # seconds; only a hang takes so long
SLOW = 1.2  # seconds for each way: connecting with TLS takes longer than three


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[EtcdCluster]:
    with start(tmp_path / "guarded", tls=True, auth=True) as made:
        yield made


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[EtcdCluster]:
    with start(tmp_path / "etcd") as made:
        yield made


@contextmanager
def starving(registry: EtcdCluster, **changes: object) -> Iterator[tuple[FaultProxy, EtcdSettings]]:
    """The way to a member whose every word takes long, and settings that go there."""
    server = registry.servers[0]
    with FaultProxy(server.client_port) as proxy:
        proxy.delay(SLOW)
        url = f"{server.scheme}://127.0.0.1:{proxy.port}"
        yield proxy, settings_of(registry.settings, endpoints=[url], **changes)


def watches(registry: EtcdCluster) -> int:
    """How many the first member was asked for since it started."""
    with urllib.request.urlopen(f"{registry.servers[0].url}/metrics", timeout=5) as reply:
        text = reply.read().decode()
    found = re.search(r'started_total\{grpc_method="Watch".*\} (\S+)', text)
    return int(float(found[1])) if found else 0


def test_a_registrar_gets_through_to_a_member_that_starves(guarded: EtcdCluster) -> None:
    with starving(guarded) as (way, settings), EtcdHolding(settings, ENDPOINT) as holding:
        holding.held(deadline=PATIENCE)
        way.heal()
        holding.leave()


def test_a_follower_gets_through_and_reads_on_over_a_session_of_ordinary_times(
    registry: EtcdCluster,
) -> None:
    registry.cli.put("/lbdisc/web/a", '{"address": "10.0.0.7", "port": 3000}')
    with (
        starving(registry, request_timeout=1, reconcile_every=2) as (way, settings),
        EtcdWatching(settings) as watching,
    ):
        eventually(lambda: watching.snapshots, deadline=PATIENCE)
        before = watches(registry)
        way.heal()
        eventually(lambda: watches(registry) > before, deadline=PATIENCE)
        watching.shows("web/a")


def test_patience_grows_while_nobody_helps_and_ends_with_an_answer_in_time() -> None:
    patience = Patience(2.0)
    assert (patience.request, patience.connecting, patience.stretched) == (2.0, CONNECTING, False)
    for _ in range(10):
        patience.lost()
    assert (patience.request, patience.connecting) == (2.0 * MOST, CONNECTING * MOST)
    patience.answered(3.0)
    assert patience.stretched
    patience.answered(1.0)
    assert not patience.stretched


def test_a_login_that_took_long_says_that_the_member_starves() -> None:
    patience = Patience(2.0)
    patience.logged_in(1.0)
    assert not patience.stretched
    patience.logged_in(5.0)
    assert patience.request == 2.0 * MOST
