"""What a managed agent keeps between two starts, and for which cluster."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from lbdisc.testing import Holding, RegistrarProcess, Watching, eventually
from lbdisc.testing.offers import make_discovery, make_registrar
from lbdisc.values import Endpoint
from lbdisc_lab.servers import serf
from lbdisc_serf.wire import RpcError

BALANCER = 40


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def cluster(stack: ExitStack, folder: Path) -> serf.SerfCluster:
    return stack.enter_context(serf.start(folder))


def moving(registry: serf.SerfCluster, folder: Path) -> tuple[dict[str, object], Endpoint]:
    """The host's settings in ``registry``, always with the same folder, and its endpoint."""
    address = registry.node_address(0)
    endpoint = Endpoint(service="nodes", name="mover", address=address, port=80)
    return registry.node_settings(0) | {"serf.folder": folder}, endpoint


def test_a_host_that_left_joins_only_the_cluster_that_it_is_told(
    stack: ExitStack, tmp_path: Path
) -> None:
    clusters = [cluster(stack, tmp_path / name) for name in ("a", "b")]
    for registry in clusters:
        settings, endpoint = moving(registry, tmp_path / "host")
        with Holding(make_registrar("serf", settings), endpoint) as holding:
            holding.held(deadline=15)
            assert registry.members[0].alive() == {"member0", "mover"}
    assert {len(registry.members[0].members()) for registry in clusters} == {2}


def test_a_host_that_crashed_joins_only_the_cluster_that_it_is_told(
    stack: ExitStack, tmp_path: Path
) -> None:
    a, b = cluster(stack, tmp_path / "a"), cluster(stack, tmp_path / "b")
    b.node("other", tags={}, index=9)
    settings, endpoint = moving(a, tmp_path / "host")
    with RegistrarProcess("serf", settings, endpoint, log=tmp_path / "log") as process:
        eventually(lambda: "mover" in a.members[0].alive())
        process.crash()
    settings, endpoint = moving(b, tmp_path / "host")
    with Holding(make_registrar("serf", settings), endpoint) as holding:
        holding.held(deadline=15)
        eventually(lambda: b.members[0].alive() == {"member0", "other", "mover"})
        assert (tmp_path / "host/mover.snapshot.before").exists()
        assert not {b.node_address(0), *b.seeds} & {m.address for m in a.members[0].members()}


def test_a_balancer_that_left_finds_its_nodes_again(stack: ExitStack, tmp_path: Path) -> None:
    registry = cluster(stack, tmp_path)
    address = registry.node_address(BALANCER)
    settings = registry.node_settings(BALANCER) | {"serf.join": (address,)}
    node = registry.node("n1")
    with Watching(make_discovery("serf", settings | {"serf.node": "balancer"})) as watching:
        eventually(lambda: joins(node, address))
        watching.until(lambda s: len(s) == 1, deadline=15)
    with Watching(make_discovery("serf", settings | {"serf.node": "balancer"})) as watching:
        watching.until(lambda s: len(s) == 1, deadline=15)
    assert len(watching.seen.snapshots[0]) == 1


def test_a_balancer_that_finds_none_of_its_nodes_again_does_not_say_that_there_are_none(
    stack: ExitStack, tmp_path: Path
) -> None:
    registry = cluster(stack, tmp_path)
    address = registry.node_address(BALANCER)
    settings = registry.node_settings(BALANCER) | {"serf.join": (address,)}
    node = registry.node("n1")
    with Watching(make_discovery("serf", settings | {"serf.node": "balancer"})) as watching:
        eventually(lambda: joins(node, address))
        watching.until(lambda s: len(s) == 1, deadline=15)
    registry.stop()
    with Watching(make_discovery("serf", settings | {"serf.node": "balancer"})) as watching:
        assert "balancer is alone and misses 2 that it knew" in str(watching.failed(deadline=15))
        assert watching.seen.count == 0
        registry.start()
        registry.node("n2").join(address)
        watching.until(lambda s: [e.name for e in s.endpoints] == ["n2"], deadline=15)


def joins(node: serf.SerfAgent, address: str) -> bool:
    with suppress(RpcError):
        node.join(address)
        return True
    return False


@pytest.mark.parametrize("name", ["mover.keyring", "mover.cluster", "mover.snapshot"])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, name: str) -> None:
    with serf.start(tmp_path / "serf", encrypt=True) as registry:
        settings, endpoint = moving(registry, tmp_path)
        for _ in range(2):
            with Holding(make_registrar("serf", settings), endpoint) as holding:
                holding.held(deadline=15)
                eventually(lambda: "mover" in registry.members[0].alive())
            (tmp_path / name).write_bytes(b"\x00\xff{[")
