"""The registrar that holds keys in etcd under a lease, against a real etcd."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.outside.traefik import REGISTRAR
from lbdisc_lab.servers import etcd
from lbdisc_lab.servers.etcd import EtcdCluster


@pytest.fixture(scope="class")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    with etcd.start(tmp_path_factory.mktemp("etcd")) as started:
        yield started


class TestRegistrar:
    def registrar(self, cluster: EtcdCluster, folder: Path, ttl: int, *pairs: str) -> Process:
        command = [sys.executable, "-IS", str(REGISTRAR), cluster.servers[0].url, str(ttl), *pairs]
        log = folder / "log"
        return Process(command, log=log, ready=lambda: "registered" in log.read_text())

    def test_it_writes_all_keys_and_takes_them_out_at_its_end(
        self, cluster: EtcdCluster, tmp_path: Path
    ) -> None:
        with self.registrar(cluster, tmp_path, 10, "a/url=http://x=y", "a/weight=1") as process:
            assert cluster.cli.keys("a/") == ["a/url", "a/weight"]
            assert cluster.cli.value("a/url") == "http://x=y"
            assert process.stop(signal.SIGTERM) == 0
        assert cluster.cli.keys("a/") == []

    def test_killed_it_is_out_with_its_lease(self, cluster: EtcdCluster, tmp_path: Path) -> None:
        with self.registrar(cluster, tmp_path, 2, "b/url=x") as process:
            process.kill()
            assert cluster.cli.keys("b/") == ["b/url"]
            eventually(lambda: cluster.cli.keys("b/") == [], what="the end of the lease")

    def test_it_writes_anew_when_its_lease_is_gone(
        self, cluster: EtcdCluster, tmp_path: Path
    ) -> None:
        with self.registrar(cluster, tmp_path, 3, "c/url=x"):
            for lease in cluster.cli.leases():
                cluster.cli.run("lease", "revoke", lease)
            assert cluster.cli.keys("c/") == []
            eventually(lambda: cluster.cli.keys("c/") == ["c/url"], what="the keys again")
