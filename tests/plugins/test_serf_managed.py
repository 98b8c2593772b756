"""Agents that lbdisc starts, watches over and stops itself."""

import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from lbdisc.errors import LbdiscError, SettingsError
from lbdisc.hooks import Registrar
from lbdisc.testing import Holding, Leaks, RegistrarProcess, Watching, eventually
from lbdisc.testing.offers import make_discovery, make_registrar
from lbdisc.values import Endpoint
from lbdisc_lab.servers import serf
from support.children import children_with

DETECTION = 30.0  # seconds within which Serf, with the profile "local", sees a crash


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[serf.SerfCluster]:
    with serf.start(tmp_path) as registry:
        yield registry


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[serf.SerfCluster]:
    with serf.start(tmp_path, encrypt=True, rpc_key=True) as registry:
        yield registry


def endpoint(registry: serf.SerfCluster, index: int = 0, name: str = "") -> Endpoint:
    address = registry.node_address(index)
    return Endpoint(service="nodes", name=name or f"n{index}", address=address, port=80)


def registrar(registry: serf.SerfCluster, index: int = 0, **settings: object) -> Registrar:
    dotted = {f"serf.{name}": value for name, value in settings.items()}
    return make_registrar("serf", registry.node_settings(index) | dotted)


def status(registry: serf.SerfCluster, name: str) -> str:
    return next((m.status for m in registry.members[0].members() if m.name == name), "unknown")


def children(pid: int | None = None) -> list[psutil.Process]:
    return children_with("-config-file", pid)


def own(registry: serf.SerfCluster) -> psutil.Process:
    """The agent that this process runs, not one of the registry's own."""
    pids = {member.pid for member in registry.members}
    (agent,) = eventually(lambda: [child for child in children() if child.pid not in pids])
    return agent


def broken(registry: serf.SerfCluster, index: int = 0, **settings: object) -> BaseException:
    holding = Holding(registrar(registry, index, **settings), endpoint(registry, index)).start()
    try:
        return eventually(lambda: [e for e in (holding.broken, *holding.errors) if e])[0]
    finally:
        with suppress(AssertionError):  # what broke it is what we look at
            holding.stop()


def test_stop_leaves_the_cluster_and_nothing_behind(registry: serf.SerfCluster) -> None:
    leaks = Leaks()
    with Holding(registrar(registry), endpoint(registry)):
        eventually(lambda: status(registry, "n0") == "alive")
    assert status(registry, "n0") == "left"
    leaks.check()


@pytest.mark.parametrize("profile", ["lan", "wan"])
def test_other_profiles_leave_too(registry: serf.SerfCluster, profile: str) -> None:
    with Holding(registrar(registry, profile=profile), endpoint(registry)):
        eventually(lambda: status(registry, "n0") == "alive")
    eventually(lambda: status(registry, "n0") == "left")


def test_node_starts_with_role_tag_and_more_tags(registry: serf.SerfCluster) -> None:
    with Holding(registrar(registry, tags={"dc": "east"}), endpoint(registry)):
        eventually(lambda: status(registry, "n0") == "alive")
        found = next(m for m in registry.members[0].members() if m.name == "n0")
    assert found.tags == {"role": "backend", "lbdisc.nodes": "80", "dc": "east"}


def test_node_that_starts_before_its_cluster_joins_later(registry: serf.SerfCluster) -> None:
    registry.kill()
    with Holding(registrar(registry), endpoint(registry)):
        own(registry)
        registry.members[0].start()
        eventually(lambda: status(registry, "n0") == "alive")


def test_crashed_agent_is_started_again(registry: serf.SerfCluster) -> None:
    with Holding(registrar(registry), endpoint(registry)) as holding:
        eventually(lambda: status(registry, "n0") == "alive")
        first = own(registry)
        first.kill()
        holding.failed(deadline=10)
        eventually(lambda: own(registry).pid != first.pid)
        eventually(lambda: status(registry, "n0") == "alive", deadline=DETECTION)


def test_second_registrar_on_a_host_starts_no_agent(registry: serf.SerfCluster) -> None:
    with Holding(registrar(registry), endpoint(registry)) as first:
        first.held(deadline=10)
        agent = own(registry)
        with Holding(registrar(registry), endpoint(registry)) as second:
            eventually(lambda: second.rival)
        assert own(registry) == agent
        assert status(registry, "n0") == "alive"


def test_frozen_agent_is_replaced(registry: serf.SerfCluster) -> None:
    with Holding(registrar(registry, timeout=0.5, poll=0.2), endpoint(registry)) as holding:
        eventually(lambda: status(registry, "n0") == "alive")
        first = own(registry)
        first.suspend()
        assert "does not answer" in str(holding.failed(deadline=10))
        eventually(lambda: own(registry).pid != first.pid)


def test_killed_registrar_takes_its_agent_along(registry: serf.SerfCluster, tmp_path: Path) -> None:
    registry.node("other", tags={}, index=1)
    with Watching(make_discovery("serf", registry.settings)) as watching:
        order = ("serf", registry.node_settings(0), endpoint(registry))
        with RegistrarProcess(*order, log=tmp_path / "registrar.log") as process:
            watching.until(lambda s: len(s) == 1, deadline=15)
            (agent,) = children(process.pid)
            process.crash()
            eventually(lambda: not agent.is_running())
            watching.until(lambda s: len(s) == 0, deadline=DETECTION)
        assert status(registry, "n0") == "failed"


def test_terminated_registrar_leaves(registry: serf.SerfCluster, tmp_path: Path) -> None:
    order = ("serf", registry.node_settings(0), endpoint(registry))
    with RegistrarProcess(*order, log=tmp_path / "registrar.log") as process:
        eventually(lambda: status(registry, "n0") == "alive")
        assert process.stop() == 0
    assert status(registry, "n0") == "left"


def test_secrets_are_in_a_private_file_alone(
    secured: serf.SerfCluster, capfd: pytest.CaptureFixture[str]
) -> None:
    with Holding(registrar(secured), endpoint(secured)):
        eventually(lambda: status(secured, "n0") == "alive")
        agent = own(secured)
        shown = " ".join(agent.cmdline()) + str(agent.environ())
    folder = secured.folder / "managed-0"
    for name, secret in (("n0.json", secured.rpc_key), ("n0.keyring", secured.encrypt)):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        assert secret in (folder / name).read_text()
    for text in (shown, "".join(capfd.readouterr())):
        assert secured.encrypt not in text
        assert secured.rpc_key not in text


def test_wrong_gossip_key_names_the_setting(secured: serf.SerfCluster) -> None:
    other = "SZrbIokNc9LFeATIkfqYJNbTVWkHth1coUHyBPkYUSI="
    with Holding(registrar(secured, encrypt=other), endpoint(secured)) as holding:
        error = str(holding.failed(deadline=15))
    assert "serf.encrypt" in error
    assert "\n" not in error
    assert other not in error


def test_missing_gossip_key_names_the_setting(secured: serf.SerfCluster) -> None:
    with Holding(registrar(secured, encrypt=""), endpoint(secured)) as holding:
        assert "serf.encrypt" in str(holding.failed(deadline=15))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"binary": "serf-that-is-not-there"}, "serf.binary"),
        ({"bind": "192.0.2.1:7946"}, "serf.bind"),
        ({"folder": "/dev/null/serf"}, "serf.folder"),
        ({"tags": {"long": "x" * 600}}, "serf.tags"),
    ],
)
def test_agent_that_can_never_start_is_for_the_operator(
    registry: serf.SerfCluster, settings: dict[str, Any], said: str
) -> None:
    error = broken(registry, **settings)
    assert isinstance(error, SettingsError)
    assert said in str(error)
    assert "\n" not in str(error)


def test_taken_gossip_port_names_the_setting(registry: serf.SerfCluster) -> None:
    taken = registry.node("other", index=0)
    error = broken(registry, rpc=f"{taken.address}:7374")
    assert isinstance(error, LbdiscError)
    assert "the gossip port is taken (serf.bind)" in str(error)


def test_host_name_as_address_is_for_the_operator(registry: serf.SerfCluster) -> None:
    named = Endpoint(service="nodes", name="n0", address="localhost", port=80)
    holding = Holding(registrar(registry), named).start()
    assert "register.address" in str(eventually(lambda: holding.broken))


def test_second_node_of_one_name_gives_way(registry: serf.SerfCluster) -> None:
    registry.node("n0", index=1)
    registry.node("other", index=2)
    with Holding(registrar(registry), endpoint(registry)) as holding:
        eventually(lambda: holding.rival == "another member n0", deadline=30)
    first = next(m for m in registry.members[0].members() if m.name == "n0")
    assert first.address == registry.node_address(1)


def test_discovery_and_registrar_share_one_agent(registry: serf.SerfCluster) -> None:
    with Holding(registrar(registry), endpoint(registry)):
        eventually(lambda: status(registry, "n0") == "alive")
        agent = own(registry)
        with Watching(make_discovery("serf", registry.node_settings(0))) as watching:
            watching.until(lambda s: len(s) == 1, deadline=10)
            assert own(registry) == agent
        assert own(registry) == agent


def test_discovery_takes_over_when_the_sharing_registrar_stops(
    registry: serf.SerfCluster,
) -> None:
    registry.node("other", index=1)
    with Holding(registrar(registry), endpoint(registry)) as holding:
        eventually(lambda: status(registry, "n0") == "alive")
        settings = registry.node_settings(0) | {"serf.node": "balancer"}
        with Watching(make_discovery("serf", settings)) as watching:
            watching.until(lambda s: len(s) == 2, deadline=10)
            holding.stop()
            watching.until(lambda s: len(s) == 1, deadline=10)
            eventually(lambda: status(registry, "balancer") == "alive")
        watching.check()


def test_managed_discovery_publishes_the_cluster_first(registry: serf.SerfCluster) -> None:
    registry.node("n1", index=1)
    settings = registry.node_settings(0) | {"serf.node": "balancer"}
    with Watching(make_discovery("serf", settings)) as watching:
        watching.until(lambda s: len(s) == 1, deadline=10)
    assert len(watching.seen.snapshots[0]) == 1
    assert status(registry, "balancer") == "left"


def test_managed_discovery_alone_publishes_nobody(registry: serf.SerfCluster) -> None:
    settings = registry.node_settings(0) | {"serf.join": (registry.node_address(0),)}
    with Watching(make_discovery("serf", settings)) as watching:
        watching.until(lambda s: len(s) == 0, deadline=10)


def test_one_seed_that_is_down_does_not_hold_up_the_others(registry: serf.SerfCluster) -> None:
    registry.node("n1", index=1)
    seeds = (registry.node_address(9), *registry.seeds)
    settings = registry.node_settings(0) | {"serf.node": "balancer", "serf.join": seeds}
    with Watching(make_discovery("serf", settings)) as watching:
        watching.until(lambda s: len(s) == 1, deadline=10)


def test_seed_that_comes_back_elsewhere_is_joined(registry: serf.SerfCluster) -> None:
    later = registry.node_address(1)
    settings: dict[str, Any] = {"join": (later,), "join_interval": 0.1}
    with Holding(registrar(registry, **settings), endpoint(registry)):
        registry.node("moved", index=1, tags={})
        eventually(lambda: status(registry, "n0") == "alive")
