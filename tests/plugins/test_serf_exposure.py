"""Who can do what in a Serf cluster, with and without keys; and that what is open is told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from lbdisc.testing import Watching, eventually
from lbdisc.testing.offers import make_discovery
from lbdisc_lab.servers import serf
from lbdisc_lab.servers.serf import SerfCluster
from lbdisc_serf.discovery import SerfDiscovery
from lbdisc_serf.exposure import _say
from lbdisc_serf.registrar import SerfRegistrar
from lbdisc_serf.settings import SerfSettings

KEY = SecretStr("SZrbIokNc9LFeATIkfqYJNbTVWkHth1coUHyBPkYUSI=")
GOSSIP, RPC = "no gossip key", "Serf's RPC is not encrypted"


@pytest.fixture(autouse=True)
def nothing_was_said() -> None:
    _say.cache_clear()


def warned(**settings: Any) -> list[str]:
    with capture_logs() as logs:
        for made in (SerfDiscovery, SerfRegistrar, SerfDiscovery):
            made(SerfSettings(**settings))
    return [line["event"] for line in logs]


@pytest.mark.parametrize("bind", ["0.0.0.0:7946", "10.0.0.7", "[::]:7946"])
def test_gossip_without_a_key_is_warned_of_once(bind: str) -> None:
    [said] = warned(agent="managed", bind=bind)
    assert said.startswith(GOSSIP)


@pytest.mark.parametrize(
    "settings",
    [
        {"agent": "managed", "bind": "127.0.0.1:7946"},
        {"agent": "managed", "bind": "[::1]:7946"},
        {"agent": "managed", "encrypt": KEY},
        {"agent": "external"},
        {"rpc": "localhost:7373"},
    ],
    ids=str,
)
def test_what_is_not_open_is_not_warned_of(settings: dict[str, Any]) -> None:
    assert warned(**settings) == []


@pytest.mark.parametrize(("key", "can"), [(None, "can set tags"), (KEY, "can read its key")])
def test_an_rpc_beyond_loopback_is_warned_of_once(key: SecretStr | None, can: str) -> None:
    [said] = warned(rpc="10.0.0.7:7373", rpc_key=key)
    assert said.startswith(RPC)
    assert can in said
    assert KEY.get_secret_value() not in said


@pytest.fixture(params=[False, True], ids=["open", "keyed"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SerfCluster]:
    with serf.start(tmp_path, encrypt=request.param) as found:
        yield found


def test_a_stranger_is_a_node_only_where_there_is_no_key(cluster: SerfCluster) -> None:
    keyed, cluster.encrypt = bool(cluster.encrypt), ""
    with Watching(make_discovery("serf", cluster.settings)) as watching:
        watching.until(lambda s: not s.endpoints, deadline=30)
        stranger = cluster.node("stranger")
        if keyed:
            eventually(lambda: "Failed to join" in stranger.log or "retry" in stranger.log.lower())
            assert cluster.members[0].alive() == {"member0"}
        else:
            watching.until(lambda s: len(s) == 1, deadline=30)


def test_any_member_may_call_itself_a_node_of_any_service_and_an_agent(tmp_path: Path) -> None:
    """The page says so: who has the key may do all but take a name that is alive."""
    with serf.start(tmp_path, encrypt=True) as cluster:
        claims = {"lbdisc.web": "80", "lbdisc._agents": "1"}
        cluster.node("member", tags=claims)
        with Watching(make_discovery("serf", cluster.settings)) as watching:
            found = watching.until(lambda s: len(s) == 2, deadline=30)
    assert {e.service for e in found.endpoints} == {"web", "_agents"}


def test_a_second_member_of_a_living_name_does_not_take_it_over(tmp_path: Path) -> None:
    with serf.start(tmp_path, members=3) as cluster:
        cluster.node("n0", index=0)
        with Watching(make_discovery("serf", cluster.settings)) as watching:
            watching.until(lambda s: len(s) == 1, deadline=30)
            rival = cluster.node("n0", index=1)
            eventually(lambda: not rival.running, deadline=60, what="the later one gives up")
            [endpoint] = watching.seen.snapshots[-1].endpoints
        assert endpoint.address == cluster.node_address(0)
