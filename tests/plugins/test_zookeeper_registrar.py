"""The registrar on a real ZooKeeper that nothing happens to."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count

import pytest

from lbdisc.register.holding import End
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_lab.servers import zookeeper
from lbdisc_lab.servers.zookeeper.editor import Editor
from lbdisc_lab.servers.zookeeper.roles import ZooKeeperWatching, holding, settings_from
from lbdisc_zookeeper.settings import ZooKeeperSettings

A = Endpoint(service="web", name="a", address="10.0.0.1", port=80, tags=(("zone", "z"),))
OTHER = Endpoint(service="web", name="a", address="10.0.0.2", port=80)
_prefixes = count()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zookeeper.ZooKeeperEnsemble]:
    with zookeeper.start(tmp_path_factory.mktemp("zookeeper")) as registry:
        yield registry


@pytest.fixture(scope="module")
def editor(registry: zookeeper.ZooKeeperEnsemble) -> Iterator[Editor]:
    with Editor(registry.hosts) as editor:
        yield editor


@pytest.fixture
def settings(registry: zookeeper.ZooKeeperEnsemble) -> ZooKeeperSettings:
    """With a pace of 40 s: nothing that comes in time waits for it."""
    prefix = f"/deep/er/test-{next(_prefixes)}"
    return settings_from(registry.settings, prefix=prefix, session_timeout=120)


def _held(editor: Editor, settings: ZooKeeperSettings) -> str:
    """The record at the endpoint's path, once there is one."""
    return eventually(lambda: editor.get(f"{settings.prefix}/web/a")) or ""


def test_record_is_version_1_with_an_owner(settings: ZooKeeperSettings, editor: Editor) -> None:
    with holding(settings, A):
        record = json.loads(_held(editor, settings))
    assert len(record.pop("owner")) == 16
    assert record.pop("ttl") > 0  # as agreed on with the server
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
    with holding(settings, A):
        _held(editor, settings)
        assert editor.kazoo.exists(f"{settings.prefix}/web/a").ephemeralOwner
        assert not editor.kazoo.exists(f"{settings.prefix}/web").ephemeralOwner


def test_weight_and_state_change_while_held(settings: ZooKeeperSettings, editor: Editor) -> None:
    with ZooKeeperWatching(settings) as watching, holding(settings, A) as held:
        watching.until_names("a")
        held.change(weight=7)
        watching.until_weights(7)
        held.change(state="draining")
        watching.until(lambda s: [e.draining for e in s.endpoints] == [True])


def test_leaving_is_published_as_draining_first(settings: ZooKeeperSettings) -> None:
    with ZooKeeperWatching(settings) as watching:
        with holding(settings, A):
            watching.until_names("a")
        watching.until_names()
        assert watching.seen[-2].endpoints == (A.drain(),)


def test_node_is_gone_when_holding_has_ended(settings: ZooKeeperSettings, editor: Editor) -> None:
    with holding(settings, A):
        _held(editor, settings)
    assert editor.get(f"{settings.prefix}/web/a") is None


def test_stop_leaves_no_thread(settings: ZooKeeperSettings, editor: Editor) -> None:
    threads = set(threading.enumerate())
    with holding(settings, A):
        _held(editor, settings)
        assert set(threading.enumerate()) > threads
    eventually(lambda: set(threading.enumerate()) == threads)


def test_removed_node_is_made_again(settings: ZooKeeperSettings, editor: Editor) -> None:
    with holding(settings, A):
        _held(editor, settings)
        editor.remove(settings.prefix)
        assert json.loads(_held(editor, settings))["address"] == "10.0.0.1"


def test_changed_node_is_set_right(settings: ZooKeeperSettings, editor: Editor) -> None:
    path = f"{settings.prefix}/web/a"
    with holding(settings, A):
        mine = _held(editor, settings)
        editor.put(path, "{}")
        eventually(lambda: editor.get(path) == mine)


def test_second_registrar_of_a_name_waits_and_takes_over(
    settings: ZooKeeperSettings,
) -> None:
    with ZooKeeperWatching(settings) as watching, holding(settings, A) as first:
        watching.until_names("a")
        with holding(settings, OTHER) as second:
            eventually(lambda: second.rival)
            assert watching.last.endpoints == (A,)
            first.stop()
            watching.until(lambda s: s.endpoints == (OTHER,))


def test_waiting_registrar_names_the_session_and_leaves_its_node_alone(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    path = f"{settings.prefix}/web/a"
    with holding(settings, A) as first:
        record = _held(editor, settings)
        session = editor.kazoo.exists(path).ephemeralOwner
        with holding(settings, OTHER) as second:
            eventually(lambda: second.rival == f"{path}, session {session:#x}")
            first.change(weight=5)
            eventually(lambda: '"weight":5' in _held(editor, settings))
        assert second.end == End(held=False)
        assert json.loads(_held(editor, settings))["owner"] == json.loads(record)["owner"]


def test_persistent_node_of_the_same_name_is_left_alone(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    path = f"{settings.prefix}/web/a"
    editor.put(path, '{"address": "10.0.0.9", "port": 80}')
    with holding(settings, A) as held:
        eventually(lambda: held.rival == f"{path}, persistent: remove it")
        assert "10.0.0.9" in _held(editor, settings)
        editor.remove(path)
        eventually(lambda: "10.0.0.1" in (editor.get(path) or ""))


def test_node_of_our_own_earlier_session_is_taken_over_at_once(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    path = f"{settings.prefix}/web/a"
    with ZooKeeperWatching(settings) as watching, holding(settings, A) as held:
        record = _held(editor, settings)
        watching.until_names("a")
        _give_away(editor, path, record)
        eventually(lambda: editor.kazoo.get(path)[1].ephemeralOwner != editor.kazoo.client_id[0])
        held.change(weight=7)
        watching.until_weights(7)
        assert [len(s) for s in watching.seen] == [0, 1, 1]  # it never vanished in between


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
    with ZooKeeperWatching(settings) as watching:
        with ExitStack() as open_ones:
            for endpoint in endpoints:
                open_ones.enter_context(holding(settings, endpoint))
            watching.until_names(*(endpoint.name for endpoint in endpoints))
        watching.until_names()
