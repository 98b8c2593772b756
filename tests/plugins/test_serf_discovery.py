"""The discovery ``serf`` on real agents: what happens to members, and to the local agent."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lbdisc.errors import DiscoveryError, SettingsError
from lbdisc.hooks import Discovery
from lbdisc.testing import Watching, eventually, free_port
from lbdisc.testing.offers import make_discovery
from lbdisc.values import Endpoint, Snapshot
from lbdisc_lab.servers import serf

DETECTION = 30.0  # seconds within which Serf, with the profile "local", sees a crash


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[serf.SerfCluster]:
    with serf.start(tmp_path) as registry:
        yield registry


def discovery(registry: serf.SerfCluster, **settings: object) -> Discovery:
    dotted = {f"serf.{name}": value for name, value in settings.items()}
    return make_discovery("serf", registry.settings | dotted)


def names(watching: Watching, *wanted: str, deadline: float = 15.0) -> Snapshot:
    """Wait until exactly ``wanted`` are published."""
    return watching.until(
        lambda s: [e.name for e in s.endpoints] == sorted(wanted),
        deadline=deadline,
        what=f"{wanted}",
    )


def states(watching: Watching, name: str) -> list[str]:
    endpoint = Endpoint(service="nodes", name=name, address="10.0.0.7", port=3000)
    return watching.seen.states_of(endpoint)


def test_plain_agent_with_the_role_is_a_node(registry: serf.SerfCluster) -> None:
    with Watching(discovery(registry, service="web", port=8080)) as watching:
        node = registry.node("n1")
        (endpoint,) = names(watching, "n1").endpoints
    assert str(endpoint) == f"web/n1@{node.address}:8080"


def test_foreign_members_are_no_nodes_and_no_problem(registry: serf.SerfCluster) -> None:
    registry.node("other", tags={"dc": "east"})
    registry.node("n1")
    with Watching(discovery(registry)) as watching:
        assert names(watching, "n1").problems == ()


def test_clean_leave_drains_first(registry: serf.SerfCluster) -> None:
    node = registry.node("n1")
    with Watching(discovery(registry)) as watching:
        names(watching, "n1")
        node.leave()
        names(watching)
    assert states(watching, "n1") == ["ready", "draining", "out"]


def test_crash_is_left_out_without_draining(registry: serf.SerfCluster) -> None:
    node = registry.node("n1")
    registry.node("n2")
    with Watching(discovery(registry)) as watching:
        names(watching, "n1", "n2")
        node.kill()
        names(watching, "n2", deadline=DETECTION)
    assert states(watching, "n1") == ["ready", "out"]


def test_node_restarted_within_the_detection_time_stays(registry: serf.SerfCluster) -> None:
    node = registry.node("n1")
    with Watching(discovery(registry)) as watching:
        names(watching, "n1")
        node.kill()
        node.start()
        registry.node("n2")
        names(watching, "n1", "n2")
    assert states(watching, "n1") == ["ready"]


def test_paused_node_fails_and_returns(registry: serf.SerfCluster) -> None:
    node = registry.node("n1")
    registry.node("n2")
    with Watching(discovery(registry)) as watching:
        names(watching, "n1", "n2")
        node.pause()
        names(watching, "n2", deadline=DETECTION)
        node.resume()
        names(watching, "n1", "n2", deadline=DETECTION)


@pytest.mark.timeout(120)  # detection, then Serf's reaper, which comes by every 15 s
def test_reaped_member_changes_nothing(tmp_path: Path) -> None:
    with serf.start(tmp_path, reconnect_timeout="1s", tombstone_timeout="1s") as registry:
        failed, left = registry.node("n1"), registry.node("n2")
        registry.node("n3")
        with Watching(discovery(registry)) as watching:
            names(watching, "n1", "n2", "n3")
            failed.kill()
            left.leave()
            names(watching, "n3", deadline=DETECTION)
            known = registry.members[0]
            eventually(lambda: {m.name for m in known.members()} == {"member0", "n3"}, deadline=60)
            names(watching, "n3")
        assert states(watching, "n1") == ["ready", "out"]
        assert states(watching, "n3") == ["ready"]


def test_restarted_agent_that_knows_nobody_is_no_loss(registry: serf.SerfCluster) -> None:
    for name in ("n1", "n2", "n3"):
        registry.node(name)
    with Watching(discovery(registry)) as watching:
        names(watching, "n1", "n2", "n3")
        since = watching.seen.count
        registry.restart()
        watching.failed(deadline=15)
        eventually(lambda: watching.seen.count > since)
        everybody = {"member0", "n1", "n2", "n3"}
        eventually(lambda: registry.members[0].alive() == everybody)  # it was told to join them
        assert all(len(snapshot) == 3 for snapshot in watching.seen.snapshots[since:])


def test_who_died_with_the_agent_is_out_after_the_window(registry: serf.SerfCluster) -> None:
    node = registry.node("n1")
    registry.node("n2")
    with Watching(discovery(registry, rejoin_window=1.0, poll=0.2)) as watching:
        names(watching, "n1", "n2")
        registry.kill()
        node.kill()
        registry.members[0].start()
        names(watching, "n2")
    assert states(watching, "n1") == ["ready", "out"]


def test_agent_away_is_an_error_and_no_snapshot(registry: serf.SerfCluster) -> None:
    registry.node("n1")
    with Watching(discovery(registry)) as watching:
        names(watching, "n1")
        count = watching.seen.count
        registry.kill()
        error = watching.failed(deadline=15)
        assert isinstance(error, DiscoveryError)
        assert "serf.rpc" in str(error)
        assert watching.seen.count == count


def test_paused_agent_is_an_error_until_it_wakes(registry: serf.SerfCluster) -> None:
    registry.node("n1")
    with Watching(discovery(registry, timeout=0.5)) as watching:
        names(watching, "n1")
        registry.pause()
        assert "does not answer" in str(watching.failed(deadline=15))
        registry.resume()
        registry.node("n2")
        names(watching, "n1", "n2", deadline=DETECTION)


def test_no_agent_is_one_line_with_the_setting(registry: serf.SerfCluster) -> None:
    port = free_port()
    with Watching(discovery(registry, rpc=f"127.0.0.1:{port}")) as watching:
        error = str(watching.failed(deadline=10))
    assert error == f"no Serf agent at 127.0.0.1:{port}: Connection refused (serf.rpc)"


@pytest.mark.parametrize("key", [None, "wrong-and-secret"])
def test_wrong_key_is_for_the_operator(tmp_path: Path, key: str | None) -> None:
    with serf.start(tmp_path, rpc_key=True) as registry:
        watching = Watching(discovery(registry, rpc_key=key)).start()
        eventually(lambda: watching.broken)
    assert isinstance(watching.broken, SettingsError)
    assert "serf.rpc_key" in str(watching.broken)
    assert "wrong-and-secret" not in str(watching.broken)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rpc", "127.0.0.1"),
        ("rpc", "127.0.0.1:0"),
        ("bind", "localhost:7946"),
        ("advertise", "here"),
        ("join", ("a b",)),
        ("service", "a b"),
        ("node", "-x"),
        ("encrypt", "not-a-key-but-secret"),
    ],
)
def test_bad_setting_is_named(registry: serf.SerfCluster, name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"serf.{name}") as caught:
        discovery(registry, **{name: value})
    assert "but-secret" not in str(caught.value)


def test_agent_whose_own_log_is_quiet_is_followed_at_once(tmp_path: Path) -> None:
    with (
        serf.start(tmp_path, log_level="err") as registry,
        Watching(discovery(registry, poll=600.0)) as watching,
    ):
        names(watching)
        registry.node("n1")
        names(watching, "n1")


def test_poll_finds_what_the_log_did_not_tell(registry: serf.SerfCluster) -> None:
    node = registry.node("n1", tags={})
    with Watching(discovery(registry, poll=0.2)) as watching:
        names(watching)
        node.tag("lbdisc.nodes", "80")
        names(watching, "n1")


@pytest.mark.timeout(120)  # fifty agents on a machine that others use
def test_fifty_members_cost_an_idle_agent_nothing(registry: serf.SerfCluster) -> None:
    for number in range(50):
        registry.node(f"n{number:02}")
    everybody = [f"n{number:02}" for number in range(50)]
    with Watching(discovery(registry)) as watching:
        names(watching, *everybody, deadline=60)
        me, since = psutil.Process(), time.monotonic()
        before = sum(me.cpu_times()[:2])
        eventually(lambda: time.monotonic() - since > 5)
        share = (sum(me.cpu_times()[:2]) - before) / (time.monotonic() - since)
    assert share < 0.1, f"{share:.1%} of a core"
