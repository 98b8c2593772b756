"""What the plugin does when servers, connections and processes break; all of them are real."""

import json
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lbdisc.errors import DiscoveryError, RegistrarError
from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.proxy import FaultProxy
from lbdisc.testing.waiting import DEADLINE, eventually
from lbdisc.values import Endpoint
from lbdisc_lab.servers import zookeeper
from lbdisc_lab.servers.zookeeper.editor import Editor
from lbdisc_lab.servers.zookeeper.roles import ZooKeeperWatching, holding, settings_from
from lbdisc_zookeeper.registrar import ZooKeeperRegistrar
from lbdisc_zookeeper.settings import ZooKeeperSettings

A = Endpoint(service="web", name="a", address="10.0.0.1", port=80)
RECORD = '{"address": "10.0.0.2", "port": 80}'
PATH = "/lbdisc/web/a"

HOLD = """
import sys, threading
from lbdisc.values import Endpoint
from lbdisc_lab.servers.zookeeper.roles import holding, settings_from
settings = settings_from({"zookeeper.hosts": sys.argv[1].split(",")}, session_timeout=2.0)
with holding(settings, Endpoint(service="web", name="a", address=sys.argv[2], port=80)):
    threading.Event().wait()
"""
WATCH = """
import sys, threading
from lbdisc_zookeeper.discovery import ZooKeeperDiscovery
from lbdisc_lab.servers.zookeeper.roles import settings_from
settings = settings_from({"zookeeper.hosts": sys.argv[1].split(",")}, session_timeout=2.0)
publish = lambda s, **_: print("names", *(e.name for e in s.endpoints), flush=True)
ZooKeeperDiscovery(settings).watch(publish, threading.Event())
"""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[zookeeper.ZooKeeperEnsemble]:
    with zookeeper.start(tmp_path) as registry:
        yield registry


@pytest.fixture
def ensemble(tmp_path: Path) -> Iterator[zookeeper.ZooKeeperEnsemble]:
    with zookeeper.start(tmp_path, members=3) as registry:
        yield registry


@pytest.fixture
def settings(registry: zookeeper.ZooKeeperEnsemble) -> ZooKeeperSettings:
    return settings_from(registry.settings)


def _program(
    code: str, registry: zookeeper.ZooKeeperEnsemble, log: Path, *arguments: str
) -> Process:
    hosts = ",".join(registry.hosts)
    return Process([sys.executable, "-c", code, hosts, *arguments], log=log)


def _session(registry: zookeeper.ZooKeeperEnsemble) -> int:
    """The session that the endpoint's node lives with; 0 without a node."""
    with Editor(registry.plain_hosts) as editor:
        found = editor.kazoo.exists(PATH)
        return int(found.ephemeralOwner) if found else 0


def _add_b(registry: zookeeper.ZooKeeperEnsemble) -> None:
    with Editor(registry.plain_hosts) as editor:
        editor.put("/lbdisc/web/b", RECORD)


def _never_shrank(watching: ZooKeeperWatching) -> bool:
    sizes = [len(snapshot) for snapshot in watching.seen]
    return sizes == sorted(sizes)


def test_restarted_server_changes_nothing(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings
) -> None:
    with ZooKeeperWatching(settings) as watching, holding(settings, A):
        watching.until_names("a")
        session = _session(registry)
        registry.restart()
        _add_b(registry)
        watching.until_names("a", "b")
        assert _never_shrank(watching)
        assert _session(registry) == session


def test_server_away_for_longer_than_a_session_is_an_error_and_changes_nothing(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings
) -> None:
    settings = replace(settings, session_timeout=5)  # time to resume it on a busy machine
    with ZooKeeperWatching(settings) as watching, holding(settings, A) as held:
        watching.until_names("a")
        session = _session(registry)
        registry.kill()
        eventually(lambda: watching.errors and held.errors)
        assert isinstance(watching.errors[0], DiscoveryError)
        assert isinstance(held.errors[0], RegistrarError)
        assert "zookeeper.hosts" in str(watching.errors[0])
        registry.start()
        _add_b(registry)
        watching.until_names("a", "b")
        assert _never_shrank(watching)
        assert _session(registry) == session  # resumed: the node never vanished


def test_session_left_with_its_node_is_resumed_by_the_next_open(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings
) -> None:
    registrar, sessions = ZooKeeperRegistrar(settings), list[int]()
    for _ in range(2):
        with registrar.open(A, threading.Event()) as entry:
            assert entry.put(A)
            sessions.append(_session(registry))
    assert sessions[0] == sessions[1] == _session(registry)
    with registrar.open(A, threading.Event()) as entry:
        entry.remove()
    assert _session(registry) == 0


def test_put_whose_answer_was_lost_finds_its_own_node(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings
) -> None:
    with (
        Editor(registry.hosts) as editor,
        FaultProxy(int(registry.hosts[0].rpartition(":")[2])) as proxy,
    ):
        proxy.delay(0.2)
        hosts = (f"127.0.0.1:{proxy.port}",)
        held = holding(replace(settings, hosts=hosts, session_timeout=10), A).start()
        created = eventually(lambda: editor.kazoo.exists(PATH)).czxid
        proxy.drop()  # the answer is on its way back
        proxy.heal()
        held.held(deadline=DEADLINE)
        assert (held.errors, held.rival) == ([], None)
        assert editor.kazoo.exists(PATH).czxid == created
        held.stop()


@pytest.mark.parametrize("call", ["put", "remove"])
def test_call_in_progress_ends_when_stopped(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings, call: str
) -> None:
    stop = threading.Event()
    with (
        FaultProxy(int(registry.hosts[0].rpartition(":")[2])) as proxy,
        ZooKeeperRegistrar(replace(settings, hosts=(f"127.0.0.1:{proxy.port}",))).open(
            A, stop
        ) as entry,
    ):
        assert entry.put(A)
        proxy.stall()
        threading.Timer(0.2, stop.set).start()
        with pytest.raises(RegistrarError, match="stopped before ZooKeeper had answered"):
            entry.put(A) if call == "put" else entry.remove()


def test_killed_leader_changes_nothing(ensemble: zookeeper.ZooKeeperEnsemble) -> None:
    settings = settings_from(ensemble.settings)
    with ZooKeeperWatching(settings) as watching, holding(settings, A):
        watching.until_names("a")
        ensemble.kill(ensemble.leader())
        ensemble.leader()
        _add_b(ensemble)
        watching.until_names("a", "b")
        assert _never_shrank(watching)


@pytest.mark.timeout(120)  # four servers' starts and an election on a shared machine
def test_members_restarted_one_after_another_change_nothing(
    ensemble: zookeeper.ZooKeeperEnsemble,
) -> None:
    settings = settings_from(ensemble.settings)
    with ZooKeeperWatching(settings) as watching, holding(settings, A):
        watching.until_names("a")
        for index in range(3):
            ensemble.restart(index)
        _add_b(ensemble)
        watching.until_names("a", "b")
        assert _never_shrank(watching)


@pytest.mark.timeout(120)  # six servers' starts and two elections on a shared machine
def test_all_members_restarted_change_nothing(ensemble: zookeeper.ZooKeeperEnsemble) -> None:
    settings = settings_from(ensemble.settings)
    with ZooKeeperWatching(settings) as watching, holding(settings, A):
        watching.until_names("a")
        ensemble.restart()
        _add_b(ensemble)
        watching.until_names("a", "b")
        assert _never_shrank(watching)


def test_lost_quorum_is_an_error_and_changes_nothing(ensemble: zookeeper.ZooKeeperEnsemble) -> None:
    settings = settings_from(ensemble.settings)
    with ZooKeeperWatching(settings) as watching:
        _add_b(ensemble)
        watching.until_names("b")
        ensemble.kill(0)
        ensemble.kill(1)
        eventually(lambda: watching.errors)
        assert _never_shrank(watching)
        ensemble.start()
        with holding(settings, A):
            watching.until_names("a", "b")
        assert isinstance(watching.errors[0], DiscoveryError)


def test_stalled_server_changes_nothing_until_it_is_an_error(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings
) -> None:
    _add_b(registry)
    with ZooKeeperWatching(settings) as watching:
        watching.until_names("b")
        registry.pause()
        eventually(lambda: watching.errors)
        assert len(watching.seen) == 1
        registry.resume()
        with holding(settings, A):
            watching.until_names("a", "b")
            assert _never_shrank(watching)


def test_session_that_the_stalled_server_ended_is_replaced(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings
) -> None:
    with ZooKeeperWatching(settings) as watching, holding(settings, A):
        watching.until_names("a")
        registry.pause()
        eventually(lambda: watching.errors)
        registry.resume()
        eventually(lambda: _session(registry))
        watching.until_names("a")


@pytest.mark.parametrize("fault", ["pause", "kill"])
def test_stop_returns_and_leaves_no_thread_while_the_server_is_away(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings, fault: str
) -> None:
    threads = set(threading.enumerate())
    with ZooKeeperWatching(settings) as watching, holding(settings, A) as held:
        watching.until_names("a")
        getattr(registry, fault)()
        watching.end()
        held.stop()
    eventually(lambda: set(threading.enumerate()) == threads)


def test_stop_returns_while_there_was_never_a_connection() -> None:
    settings = settings_from({"zookeeper.hosts": [f"127.0.0.1:{free_port()}"]}, connect_timeout=60)
    with ZooKeeperWatching(settings) as watching, holding(settings, A) as held:
        watching.end()
        held.stop()


def test_endpoint_of_a_killed_process_goes_with_its_session(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings, tmp_path: Path
) -> None:
    with (
        ZooKeeperWatching(settings) as watching,
        _program(HOLD, registry, tmp_path / "hold.log", "10.0.0.1") as program,
    ):
        watching.until_names("a")
        program.kill()
        watching.until_names()
        assert not any(endpoint.draining for s in watching.seen for endpoint in s.endpoints)


def test_restarted_process_has_its_name_again_when_the_old_session_is_over(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings, tmp_path: Path
) -> None:
    with ZooKeeperWatching(settings) as watching:
        with _program(HOLD, registry, tmp_path / "1.log", "10.0.0.1") as program:
            watching.until_names("a")
            program.kill()
        with _program(HOLD, registry, tmp_path / "2.log", "10.0.0.2"):
            watching.until(lambda s: [e.address for e in s.endpoints] == ["10.0.0.2"])


def test_registrar_that_was_stopped_for_longer_than_its_session_comes_back(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings, tmp_path: Path
) -> None:
    with (
        ZooKeeperWatching(settings) as watching,
        _program(HOLD, registry, tmp_path / "hold.log", "10.0.0.1") as program,
    ):
        watching.until_names("a")
        program.send(signal.SIGSTOP)
        watching.until_names()
        program.send(signal.SIGCONT)
        watching.until_names("a")


def test_agent_that_was_stopped_for_longer_than_its_session_sees_what_happened(
    registry: zookeeper.ZooKeeperEnsemble, tmp_path: Path
) -> None:
    _add_b(registry)
    log = tmp_path / "watch.log"
    with (
        Editor(registry.hosts) as editor,
        _program(WATCH, registry, log) as program,
    ):
        eventually(lambda: "names b\n" in log.read_text())
        sessions = _sessions(editor)
        program.send(signal.SIGSTOP)
        eventually(lambda: _sessions(editor) < sessions)
        editor.put("/lbdisc/web/c", RECORD)
        program.send(signal.SIGCONT)
        eventually(lambda: "names b c\n" in log.read_text())
        published = [line for line in log.read_text().splitlines() if line.startswith("names")]
        assert published == ["names b", "names b c"]


def _sessions(editor: Editor) -> int:
    """How many sessions the server knows."""
    dump: str = editor.kazoo.command(b"dump")
    return sum(line.startswith("\t0x") for line in dump.split("Connections")[0].splitlines())


def test_wiped_server_is_registered_with_again(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings
) -> None:
    with ZooKeeperWatching(settings) as watching, holding(settings, A):
        watching.until_names("a")
        first = _session(registry)
        registry.wipe()
        eventually(lambda: _session(registry) not in (0, first))
        with Editor(registry.hosts) as editor:
            editor.put("/lbdisc/web/b", RECORD)
        watching.until_names("a", "b")


def test_nobody_at_the_address_is_an_error_that_names_both(tmp_path: Path) -> None:
    port = free_port()
    settings = settings_from({"zookeeper.hosts": [f"127.0.0.1:{port}"]}, connect_timeout=0.5)
    with ZooKeeperWatching(settings) as watching, holding(settings, A) as held:
        eventually(lambda: watching.errors and held.errors)
    for error in (watching.errors[0], held.errors[0]):
        assert str(error) == (
            f"no connection to ZooKeeper: 127.0.0.1:{port}: connection refused "
            "(see zookeeper.hosts)"
        )


def test_host_without_an_address_is_an_error_that_names_it() -> None:
    settings = settings_from({"zookeeper.hosts": ["nowhere.invalid:2181"]}, connect_timeout=0.5)
    with ZooKeeperWatching(settings) as watching:
        eventually(lambda: watching.errors)
    assert "nowhere.invalid" in str(watching.errors[0])
    assert "zookeeper.hosts" in str(watching.errors[0])


def test_one_reachable_member_is_enough(registry: zookeeper.ZooKeeperEnsemble) -> None:
    hosts = [f"127.0.0.1:{free_port()}", *registry.hosts, "nowhere.invalid:2181"]
    with ZooKeeperWatching(settings_from({"zookeeper.hosts": hosts})) as watching:
        _add_b(registry)
        watching.until_names("b")


def test_record_survives_a_fault_unchanged(
    registry: zookeeper.ZooKeeperEnsemble, settings: ZooKeeperSettings
) -> None:
    with ZooKeeperWatching(settings) as watching, holding(settings, A):
        watching.until_names("a")
        registry.restart()
        with Editor(registry.hosts) as editor:
            assert json.loads(editor.get(PATH) or "{}")["address"] == "10.0.0.1"
