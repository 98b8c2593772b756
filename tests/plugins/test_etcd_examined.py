"""Each member of a real etcd looked at by itself, and nothing written."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.abilities import Examines
from lbdisc.testing.processes import free_port
from lbdisc_etcd.discovery import EtcdDiscovery
from lbdisc_lab.servers.etcd import EtcdCluster, start
from lbdisc_lab.servers.etcd.roles import settings_of

QUOTA = 4 * 1024 * 1024  # bytes
OWN = [("_agents", "lb1"), ("web", "s1")]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    with start(tmp_path_factory.mktemp("examined"), auth=True) as registry:
        yield registry


def looks(registry: EtcdCluster, **changes: object) -> list[tuple[str, str, str]]:
    """Word, text and remedy of all that is found at all members."""
    discovery = EtcdDiscovery(settings_of(registry.settings, **changes))
    assert isinstance(discovery, Examines)
    found = [each for one in discovery.examine(OWN) for each in one.look()]
    return [(each.word, each.text, each.remedy) for each in found]


def test_a_member_lets_us_in_to_read_and_write_and_nothing_is_written(
    guarded: EtcdCluster,
) -> None:
    before = guarded.cli.revision
    assert [word for word, _, _ in looks(guarded)] == ["ok"] * 4
    assert guarded.cli.revision == before


def test_a_missing_right_is_named_with_the_command_that_gives_it(guarded: EtcdCluster) -> None:
    found = looks(guarded, prefix="/elsewhere")
    assert [word for word, _, _ in found] == ["warn", "fail", "fail", "ok"]
    right = "etcdctl role grant-permission ROLE readwrite /elsewhere/_agents/lb1"
    assert found[1][2].startswith(right)


def test_a_wrong_password_and_a_member_that_is_gone_are_told_apart(guarded: EtcdCluster) -> None:
    [(word, text, _)] = looks(guarded, password="wrong")
    assert (word, "refuses etcd.user" in text, "wrong" in text) == ("fail", True, False)
    here = f"127.0.0.1:{guarded.servers[0].client_port}"
    gone = f"127.0.0.1:{free_port()}"
    words = [word for word, _, _ in looks(guarded, endpoints=(gone, here))]
    assert words == ["fail", *["ok"] * 4]


def test_a_cluster_that_is_full_takes_no_writes(tmp_path: Path) -> None:
    quota = f"--quota-backend-bytes={QUOTA}"
    with start(tmp_path / "etcd", arguments=(quota,)) as registry:
        assert [word for word, _, _ in looks(registry)] == ["ok"] * 4
        while "NOSPACE" not in registry.cli.run("alarm", "list"):
            registry.cli.run("put", "/other", stdin="x" * (QUOTA // 4), check=False)
        found = looks(registry)
    assert [word for word, _, _ in found] == ["ok", "fail", "fail", "ok"]
    assert "etcdctl alarm list" in found[1][2]
