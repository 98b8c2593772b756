"""The registrar ``serf`` on agents that somebody else runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lbdisc.errors import SettingsError
from lbdisc.hooks import Registrar
from lbdisc.register.holding import End
from lbdisc.testing import Holding, Watching, eventually
from lbdisc.testing.offers import make_discovery, make_registrar
from lbdisc.values import Endpoint
from lbdisc_lab.servers import serf


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[serf.SerfCluster]:
    with serf.start(tmp_path) as registry:
        yield registry


def registrar(node: serf.SerfAgent, **settings: object) -> Registrar:
    dotted = {f"serf.{name}": value for name, value in settings.items()}
    return make_registrar("serf", {"serf.rpc": node.rpc} | dotted)


def endpoint(node: serf.SerfAgent, service: str = "nodes", **members: Any) -> Endpoint:
    given: dict[str, Any] = {"name": node.name, "address": node.address, "port": 80, **members}
    return Endpoint(service=service, **given)


def tags(node: serf.SerfAgent) -> dict[str, str]:
    return dict(next(m.tags for m in node.members() if m.name == node.name))


def test_other_tags_stay(registry: serf.SerfCluster) -> None:
    node = registry.node("n1", tags={"dc": "east"})
    with Holding(registrar(node), endpoint(node)):
        eventually(lambda: tags(node) == {"dc": "east", "lbdisc.nodes": "80"})
    assert tags(node) == {"dc": "east"}


def test_member_with_the_role_is_off_afterwards(registry: serf.SerfCluster) -> None:
    node = registry.node("n1")
    discovery = make_discovery("serf", registry.settings)
    with Watching(discovery) as watching:
        watching.until(lambda s: len(s) == 1, deadline=10)
        with Holding(registrar(node), endpoint(node)):
            watching.until(lambda s: [e.port for e in s.endpoints] == [80], deadline=10)
        watching.until(lambda s: len(s) == 0, deadline=10)
    assert tags(node) == {"role": "backend", "lbdisc.nodes": "off"}


def test_one_member_offers_two_services(registry: serf.SerfCluster) -> None:
    node = registry.node("n1", tags={})
    with (
        Holding(registrar(node), endpoint(node, "web")),
        Holding(registrar(node), endpoint(node, "api", port=81)),
    ):
        eventually(lambda: tags(node) == {"lbdisc.web": "80", "lbdisc.api": "81"})
    assert tags(node) == {}


def test_restarted_agent_gets_its_tag_again(registry: serf.SerfCluster) -> None:
    node = registry.node("n1", tags={})
    with Holding(registrar(node), endpoint(node)):
        eventually(lambda: "lbdisc.nodes" in tags(node))
        node.kill()
        node.start()
        eventually(lambda: "lbdisc.nodes" in tags(node))


def test_tag_that_somebody_took_away_is_set_again_at_once(registry: serf.SerfCluster) -> None:
    node = registry.node("n1", tags={})
    with Holding(registrar(node, poll=600), endpoint(node)) as holding:
        holding.held(deadline=10)
        node.untag("lbdisc.nodes")
        eventually(lambda: tags(node) == {"lbdisc.nodes": "80"})
        node.tag("lbdisc.nodes", "81")
        eventually(lambda: tags(node) == {"lbdisc.nodes": "80"})


def test_agent_that_ends_is_noticed_at_once(registry: serf.SerfCluster) -> None:
    node = registry.node("n1", tags={})
    with Holding(registrar(node, poll=600), endpoint(node)) as holding:
        holding.held(deadline=10)
        node.kill()
        holding.failed(deadline=10)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"name": "n2"}, "register.name is n2, the Serf member is named n1"),
        ({"address": "10.0.0.7"}, "register.address is 10.0.0.7, the Serf member n1 has 127."),
        ({"tags": {"long": "x" * 500}}, "bytes, Serf allows 512: shorten register.tags"),
    ],
)
def test_what_the_member_cannot_be_is_for_the_operator(
    registry: serf.SerfCluster, members: dict[str, Any], said: str
) -> None:
    node = registry.node("n1", tags={})
    holding = Holding(registrar(node), endpoint(node, **members)).start()
    error = eventually(lambda: holding.broken)
    assert isinstance(error, SettingsError)
    assert said in str(error)
    assert tags(node) == {}


def test_registrar_that_cannot_reach_the_agent_says_where(registry: serf.SerfCluster) -> None:
    node = registry.node("n1", tags={})
    node.kill()
    with Holding(registrar(node), endpoint(node)) as holding:
        assert "no Serf agent at" in str(holding.failed(deadline=10))
        node.start()
        eventually(lambda: "lbdisc.nodes" in tags(node))


def test_second_registrar_of_one_service_waits_for_the_first(registry: serf.SerfCluster) -> None:
    node = registry.node("n1", tags={})
    with Holding(registrar(node), endpoint(node)) as first:
        eventually(lambda: tags(node) == {"lbdisc.nodes": "80"})
        with Holding(registrar(node), endpoint(node, port=81)):
            first.stop()
            eventually(lambda: tags(node) == {"lbdisc.nodes": "81"})


def test_registrar_that_only_waited_touches_nothing_at_its_stop(registry: serf.SerfCluster) -> None:
    node = registry.node("n1", tags={})
    with Watching(make_discovery("serf", registry.settings)) as watching:
        with Holding(registrar(node), endpoint(node)) as first:
            first.held(deadline=10)
            with Holding(registrar(node), endpoint(node, port=81)) as second:
                eventually(lambda: second.rival)
            assert second.end == End(held=False)
            first.change(weight=50)
            watching.until(lambda s: [e.weight for e in s.endpoints] == [50], deadline=10)
        seen = {(e.port, e.weight, e.state) for s in watching.seen.snapshots for e in s.endpoints}
    assert seen <= {(80, 100, "ready"), (80, 50, "ready"), (80, 50, "draining")}
