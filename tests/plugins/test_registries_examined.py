"""ZooKeeper, Serf and doozer looked at by `lbdisc doctor`: real servers, and nothing is written."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event

import pytest
from kazoo.security import READ_ACL_UNSAFE, make_digest_acl

from lbdisc.abilities import Examines, StartsPrograms
from lbdisc.doctor import writing
from lbdisc.errors import DiscoveryError
from lbdisc.testing.offers import make_discovery, make_registrar
from lbdisc.testing.processes import free_port
from lbdisc_lab.servers import doozer, etcd, serf, zookeeper
from lbdisc_lab.servers.zookeeper.editor import Editor

OWN = [("_agents", "lb1"), ("web", "s1")]
ZooKeeper = zookeeper.ZooKeeperEnsemble


def looks(name: str, settings: Mapping[str, object], **more: object) -> list[tuple[str, str, str]]:
    """Word, text and remedy of all that is found at all members."""
    dotted = {f"{name}.{key}": value for key, value in more.items()}
    discovery = make_discovery(name, {**settings, **dotted})
    assert isinstance(discovery, Examines)
    found = [each for one in discovery.examine(OWN) for each in one.look()]
    return [(each.word, each.text, each.remedy) for each in found]


def words(found: list[tuple[str, str, str]]) -> list[str]:
    return [word for word, _, _ in found]


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeper]:
    with zookeeper.start(tmp_path_factory.mktemp("zookeeper")) as registry:
        yield registry


def test_a_new_zookeeper_may_be_written_and_nothing_is(ensemble: ZooKeeper) -> None:
    found = looks("zookeeper", ensemble.settings, prefix="/fresh/lbdisc")
    assert words(found) == ["ok", "warn", "ok", "ok", "ok"]
    with Editor(ensemble.hosts[:1]) as editor:
        assert editor.kazoo.exists("/fresh") is None


def test_a_node_of_zookeeper_that_is_others_is_named_with_the_right(ensemble: ZooKeeper) -> None:
    with Editor(ensemble.hosts[:1], auth=("root", "x")) as editor:
        acl = [*READ_ACL_UNSAFE, make_digest_acl("root", "x", all=True)]
        editor.kazoo.create("/closed", b"", acl=acl)
        editor.kazoo.create("/half", b"", acl=[*acl, make_digest_acl("me", "y", create=True)])
    found = looks("zookeeper", ensemble.settings, prefix="/closed")
    assert words(found) == ["ok", "fail", "fail", "ok"]
    assert "no permission for /closed/" in found[1][1]
    assert "has to give us c" in found[1][1]
    me = {"digest_user": "me", "digest_password": "y"}
    half = looks("zookeeper", ensemble.settings, prefix="/half", **me)
    assert words(half) == ["ok", "fail", "fail", "ok"]
    assert "has to give us d" in half[1][1]


def test_each_zookeeper_is_asked_by_itself(ensemble: ZooKeeper) -> None:
    gone = f"127.0.0.1:{free_port()}"
    hosts = [gone, *ensemble.hosts]
    found = looks("zookeeper", {**ensemble.settings, "zookeeper.hosts": hosts}, prefix="/")
    assert words(found) == ["fail", *["ok"] * 4]
    assert gone in found[0][1]


def test_serf_tells_of_its_members_and_of_one_that_failed(tmp_path: Path) -> None:
    with serf.start(tmp_path, members=2, rpc_key=True) as cluster:
        good = looks("serf", cluster.settings)
        closed = looks("serf", {**cluster.settings, "serf.rpc_key": "wrong"})
        gone = looks("serf", cluster.settings, rpc=f"127.0.0.1:{free_port()}")
    assert words(good)[:2] == ["ok", "ok"]
    assert "2 alive" in good[1][1]
    assert "is to be registered, and the member is member0" in good[-1][1]
    assert (words(closed), "wrong" in closed[0][1]) == (["fail"], False)
    assert words(gone) == ["fail"]


def test_who_is_to_be_joined_and_is_not_there_is_told(tmp_path: Path) -> None:
    with serf.start(tmp_path) as cluster:
        there = f"{cluster.network}.1"
        found = looks("serf", cluster.settings, join=[there, f"127.0.0.1:{free_port()}"])
    assert words(found)[-2:] == ["ok", "fail"]


def written(name: str, settings: Mapping[str, object], entry: str) -> list[str]:
    """What comes of putting, reading and removing an entry, and that all is well."""
    discovery, registrar = make_discovery(name, settings), make_registrar(name, settings)
    found = [*writing.written(registrar, discovery, entry)]
    assert {one.word for one in found} == {"ok"}
    return [one.text.partition(" ")[0] for one in found]


def test_an_entry_is_put_read_and_removed_and_leaves_nothing(
    ensemble: ZooKeeper, tmp_path: Path
) -> None:
    done = ["wrote", "read", "removed"]
    dated = ["wrote", "the", "read", "removed"]  # the registry's clock
    assert written("zookeeper", ensemble.settings, "lb1") == dated
    with Editor(ensemble.hosts[:1]) as editor:
        assert editor.kazoo.exists("/lbdisc/_doctor") is None
    with doozer.start(tmp_path / "doozer") as server:
        assert written("doozer", server.settings, "lb1") == done
    with etcd.start(tmp_path / "etcd") as registry:
        assert written("etcd", registry.settings, "lb1") == done
        assert registry.cli.keys() == []
    (tmp_path / "serf").mkdir()
    with serf.start(tmp_path / "serf") as cluster:
        assert written("serf", cluster.settings, "lb1") == done
        [member] = cluster.members[0].members()
        assert not any("_doctor" in tag for tag in member.tags)


def test_no_agent_of_serf_is_started_to_read(tmp_path: Path) -> None:
    own = {"serf.agent": "managed", "serf.rpc": f"127.0.0.1:{free_port()}"}
    found = make_discovery("serf", {**own, "serf.folder": str(tmp_path / "serf")})
    assert isinstance(found, StartsPrograms)
    with pytest.raises(DiscoveryError, match=r"serf\.rpc"):
        found.starting_none().watch(lambda *_, **__: None, Event())
    assert not (tmp_path / "serf").exists()


def test_doozer_is_asked_for_the_right_to_write_without_a_file(tmp_path: Path) -> None:
    with doozer.start(tmp_path, secret="w", read_secret="r") as server:
        both = looks("doozer", server.settings)
        reads = looks("doozer", server.settings, secret="r")
        wrong = looks("doozer", server.settings, secret="other")
    assert words(both) == ["ok", "ok"]
    assert words(reads) == ["ok", "fail"]
    assert "DOOZER_RWSECRET" in reads[1][2]
    assert words(wrong) == ["fail"]
