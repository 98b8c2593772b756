"""A real etcd that is out of space: it answers and renews, but takes no writes."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.errors import WriteRefused
from lbdisc.register.holding import End
from lbdisc.testing.processes import Process
from lbdisc.testing.roles import STOP_WITHIN
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_lab.servers.etcd import EtcdCluster, start
from lbdisc_lab.servers.etcd.roles import PATIENCE, EtcdHolding, settings_of

SLACK = 1.0  # seconds that a busy machine may add
QUOTA = 4 * 1024 * 1024  # bytes
PART = "x" * (QUOTA // 4)
KEY = "/lbdisc/web/a"
ENDPOINT = Endpoint(service="web", name="a", address="10.0.0.7", port=3000)
LBDISC = Path(sys.executable).parent / "lbdisc"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[EtcdCluster]:
    quota = f"--quota-backend-bytes={QUOTA}"
    with start(tmp_path / "etcd", arguments=(quota,)) as registry:
        yield registry


def fill(registry: EtcdCluster) -> None:
    while "NOSPACE" not in registry.cli.run("alarm", "list"):
        registry.cli.run("put", "/other", stdin=PART, check=False)


def test_what_is_held_lives_on_and_a_change_is_refused(small: EtcdCluster) -> None:
    with EtcdHolding(settings_of(small.settings, ttl=2), ENDPOINT) as holding:
        holding.held(deadline=PATIENCE)
        fill(small)
        holding.change(weight=7)
        began, error = time.monotonic(), holding.failed(deadline=PATIENCE)
        eventually(lambda: len(holding.errors) > 20 and time.monotonic() > began + 6)  # 3 x ttl
        assert small.cli.field(KEY, "Version") == 1
    assert isinstance(error, WriteRefused)
    assert "database space exceeded), see etcdctl alarm list" in str(error)


def test_leaving_ends_the_lease_all_the_same(small: EtcdCluster) -> None:
    with EtcdHolding(settings_of(small.settings, ttl=60), ENDPOINT) as holding:
        holding.held(deadline=PATIENCE)
        fill(small)
        holding.stop()
    assert holding.end == End(held=True)
    assert holding.stopped_in < STOP_WITHIN + SLACK
    assert small.cli.keys() == []


def test_one_that_joins_is_refused_and_is_there_once_there_is_space(small: EtcdCluster) -> None:
    fill(small)
    with EtcdHolding(settings_of(small.settings), ENDPOINT) as holding:
        assert isinstance(holding.failed(deadline=PATIENCE), WriteRefused)
        small.cli.delete("/other")
        small.cli.compact()
        small.cli.run("defrag")
        small.cli.run("alarm", "disarm")
        holding.held(deadline=PATIENCE)


def test_stop_does_not_wait_for_a_drain_that_nobody_can_see(
    small: EtcdCluster, tmp_path: Path
) -> None:
    """An agent is there, which would acknowledge; ``drain_timeout`` is 30 s."""
    small.cli.put("/lbdisc/_agents/lb", '{"address": "10.0.0.1", "port": 1}')
    settings = {
        "etcd.endpoints": small.servers[0].url,
        "etcd.ttl": "60",
        "state_dir": str(tmp_path),
    }
    place = "--backend etcd --service web --name a --address 10.0.0.7 --port 3000 --check none"
    sets = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    command: list[str | Path] = [LBDISC, "register", *place.split(), *sets]
    with Process(command, log=tmp_path / "register.log") as process:
        eventually(lambda: small.cli.value(KEY), what="registered")
        fill(small)
        assert process.stop(deadline=10) == 0, process.log_tail()
    assert small.cli.value(KEY) == ""
