"""The registrar on a real ZooKeeper that nothing happens to."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_lab.servers import zookeeper
from lbdisc_lab.servers.zookeeper.editor import Editor
from lbdisc_lab.servers.zookeeper.roles import Holding, Watching, settings_from
from lbdisc_zookeeper.registrar import ZooKeeperRegistrar
from lbdisc_zookeeper.settings import ZooKeeperSettings

A = Endpoint(service="web", name="a", address="10.0.0.1", port=80, tags=(("zone", "z"),))
OTHER = Endpoint(service="web", name="a", address="10.0.0.2", port=80)
_prefixes = count()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zookeeper.Registry]:
    with zookeeper.start(tmp_path_factory.mktemp("zookeeper")) as registry:
        yield registry


@pytest.fixture(scope="module")
def editor(registry: zookeeper.Registry) -> Iterator[Editor]:
    with Editor(registry.hosts) as editor:
        yield editor


@pytest.fixture
def settings(registry: zookeeper.Registry) -> ZooKeeperSettings:
    return settings_from(registry.settings, prefix=f"/deep/er/test-{next(_prefixes)}")


def _held(editor: Editor, settings: ZooKeeperSettings) -> str:
    """The record at the endpoint's path, once there is one."""
    return eventually(lambda: editor.get(f"{settings.prefix}/web/a")) or ""


def test_record_is_version_1_with_an_owner(settings: ZooKeeperSettings, editor: Editor) -> None:
    with Holding(settings, A):
        record = json.loads(_held(editor, settings))
    assert len(record.pop("owner")) == 16
    assert record == {
        "address": "10.0.0.1",
        "port": 80,
        "weight": 100,
        "state": "ready",
        "tags": {"zone": "z"},
    }


def test_node_is_ephemeral_and_its_parents_are_not(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    with Holding(settings, A):
        _held(editor, settings)
        assert editor.kazoo.exists(f"{settings.prefix}/web/a").ephemeralOwner
        assert not editor.kazoo.exists(f"{settings.prefix}/web").ephemeralOwner


def test_weight_and_state_change_while_held(settings: ZooKeeperSettings, editor: Editor) -> None:
    with Watching(settings) as watching, Holding(settings, A) as holding:
        watching.until_names("a")
        holding.endpoint = replace(A, weight=7)
        watching.until_weights(7)
        holding.endpoint = holding.endpoint.drain()
        watching.until(lambda s: [e.draining for e in s.endpoints] == [True])


def test_leaving_is_published_as_draining_first(settings: ZooKeeperSettings) -> None:
    with Watching(settings) as watching:
        with Holding(settings, A):
            watching.until_names("a")
        watching.until_names()
        assert watching.seen[-2].endpoints == (A.drain(),)


def test_node_is_gone_when_hold_has_returned(settings: ZooKeeperSettings, editor: Editor) -> None:
    with Holding(settings, A):
        _held(editor, settings)
    assert editor.get(f"{settings.prefix}/web/a") is None


def test_stop_leaves_no_thread(settings: ZooKeeperSettings, editor: Editor) -> None:
    threads = set(threading.enumerate())
    with Holding(settings, A):
        _held(editor, settings)
        assert set(threading.enumerate()) > threads
    assert set(threading.enumerate()) == threads


def test_removed_node_is_made_again(settings: ZooKeeperSettings, editor: Editor) -> None:
    with Holding(settings, A):
        _held(editor, settings)
        editor.remove(settings.prefix)
        assert json.loads(_held(editor, settings))["address"] == "10.0.0.1"


def test_changed_node_is_set_right(settings: ZooKeeperSettings, editor: Editor) -> None:
    path = f"{settings.prefix}/web/a"
    with Holding(settings, A):
        mine = _held(editor, settings)
        editor.put(path, "{}")
        eventually(lambda: editor.get(path) == mine)


def test_second_registrar_of_a_name_waits_and_takes_over(
    settings: ZooKeeperSettings, editor: Editor, capsys: pytest.CaptureFixture[str]
) -> None:
    with Watching(settings) as watching, Holding(settings, A) as first:
        watching.until_names("a")
        with Holding(settings, OTHER):
            eventually(lambda: "another registrar holds the name" in capsys.readouterr().out)
            assert watching.last.endpoints == (A,)
            first.end()
            watching.until(lambda s: s.endpoints == (OTHER,))


def test_waiting_registrar_says_so_once_and_leaves_the_node_alone(
    settings: ZooKeeperSettings, editor: Editor, capsys: pytest.CaptureFixture[str]
) -> None:
    with Holding(settings, A) as first:
        record = _held(editor, settings)
        with Holding(settings, OTHER):
            eventually(lambda: "another registrar" in (said := capsys.readouterr().out) and said)
            first.endpoint = replace(A, weight=5)
            eventually(lambda: '"weight":5' in _held(editor, settings))
        assert "another registrar" not in capsys.readouterr().out
        assert json.loads(_held(editor, settings))["owner"] == json.loads(record)["owner"]


def test_persistent_node_of_the_same_name_is_left_alone(
    settings: ZooKeeperSettings, editor: Editor, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"{settings.prefix}/web/a"
    editor.put(path, '{"address": "10.0.0.9", "port": 80}')
    with Holding(settings, A):
        eventually(lambda: "another registrar" in capsys.readouterr().out)
        assert "10.0.0.9" in _held(editor, settings)
        editor.remove(path)
        eventually(lambda: "10.0.0.1" in (editor.get(path) or ""))


def test_node_of_our_own_earlier_session_is_taken_over_at_once(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    path = f"{settings.prefix}/web/a"
    with Watching(settings) as watching, Holding(settings, A) as holding:
        record = _held(editor, settings)
        watching.until_names("a")
        _give_away(editor, path, record)
        eventually(lambda: editor.kazoo.get(path)[1].ephemeralOwner != editor.kazoo.client_id[0])
        holding.end()
        watching.until_names()
        assert [len(s) for s in watching.seen] == [0, 1, 1, 0]  # it never vanished in between


def _give_away(editor: Editor, path: str, record: str) -> None:
    """Let the node belong to another session, with everything else as it was."""
    swap = editor.kazoo.transaction()
    swap.delete(path)
    swap.create(path, record.encode(), ephemeral=True)
    assert not any(isinstance(result, Exception) for result in swap.commit())


def test_many_registrars_share_one_service(settings: ZooKeeperSettings) -> None:
    endpoints = [
        Endpoint(service="web", name=f"n{i}", address="10.0.0.1", port=i) for i in range(1, 9)
    ]
    with Watching(settings) as watching:
        holdings = [Holding(settings, endpoint) for endpoint in endpoints]
        for holding in holdings:
            holding.thread.start()
        watching.until_names(*(endpoint.name for endpoint in endpoints))
        for holding in holdings:
            holding.stop.set()
        for holding in holdings:
            holding.end()
        watching.until_names()


def test_endpoint_is_read_again_only_once_it_is_published(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    """The core takes the second reading for the news that the first one is in the registry."""
    path = f"{settings.prefix}/web/a"
    stop, found = threading.Event(), list[str]()

    def endpoint() -> Endpoint:
        found.append(editor.get(path) or "")
        return replace(A, weight=len(found))

    with Holding(settings, OTHER) as first:
        _held(editor, settings)
        waiting = threading.Thread(
            target=ZooKeeperRegistrar(settings).hold, args=(endpoint, stop), daemon=True
        )
        waiting.start()
        eventually(lambda: found)
        first.end()
        eventually(lambda: '"weight":3' in _held(editor, settings))
    stop.set()
    waiting.join()
    assert all(f'"weight":{n},' in record for n, record in enumerate(found[1:], 1))
