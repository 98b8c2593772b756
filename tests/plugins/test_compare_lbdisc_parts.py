"""What the ways of lbdisc read and promise: HAProxy's words, the agent's log, formulas."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lbdisc_compare.contenders.contender import Size
from lbdisc_compare.contenders.haproxy_servers import read_servers
from lbdisc_compare.contenders.lbdisc_log import AgentLog
from lbdisc_compare.contenders.lbdisc_settings import agent_settings
from lbdisc_compare.contenders.lbdisc_ways import LBDISC_WAYS
from lbdisc_compare.contenders.node_places import OWN_HOSTS, NodePlaces
from lbdisc_compare.hosts.host import Host
from lbdisc_compare.hosts.loopback import LoopbackHosts
from lbdisc_lab.stats import StatsError

WAYS = {way.name: way for way in LBDISC_WAYS}
HOST = Host(name="b", address="127.0.0.1")


@pytest.mark.parametrize(
    ("status", "weight", "found"),
    [
        ("UP", "100", "up"),
        ("UP 1/3", "100", "up"),
        ("no check", "1", "up"),
        ("UP", "0", "draining"),
        ("DRAIN", "0", "draining"),
        ("DOWN", "100", "down"),
        ("DOWN 1/2", "100", "down"),
        ("MAINT", "100", None),
    ],
)
def test_a_server_is_what_haproxy_says_of_it(status: str, weight: str, found: str | None) -> None:
    text = f"# pxname,svname,status,weight,\nnodes,n1,{status},{weight},\n\n"
    assert read_servers(text) == ({"n1": found} if found else {})


def test_what_is_no_statistics_is_refused() -> None:
    with pytest.raises(StatsError, match="no statistics"):
        read_servers("Unknown command.\n")


def line(second: int, **fields: object) -> str:
    at = datetime.fromtimestamp(1_700_000_000 + second, UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"event": "running", "timestamp": at, **fields}) + "\n"


def test_the_newest_change_of_a_node_has_its_stages(tmp_path: Path) -> None:
    file = tmp_path / "agent.log"
    log = AgentLog(file)
    assert log.stages("a") == {}
    file.write_text(line(1, ms=5, came="nodes/a@127.0.0.1:1, nodes/b@127.0.0.1:2"))
    first = log.stages("a")
    with file.open("a") as more:
        more.write("words\n" + line(3, ms=10, changed="nodes/a: weight 100 -> 50"))
        more.write('{"event": "running"')
    second = log.stages("a")
    assert second["applied"] - first["applied"] == pytest.approx(2, abs=0.1)
    assert second["applied"] - second["snapshot"] == pytest.approx(0.01)
    assert log.stages("b") == pytest.approx(first, abs=0.1)
    assert log.generations == 2


def test_checks_and_guard_are_left_out_where_a_measure_says_so(tmp_path: Path) -> None:
    state = tmp_path / "state"
    usual = agent_settings(state, HOST, 80, Size(), {})
    bare = agent_settings(state, HOST, 80, Size(checks=False, guard=False), {})
    assert not {"guard.loss_hold", "jinja2.template"} & set(usual)
    assert bare["guard.loss_hold"] == 0
    assert " check weight " not in Path(str(bare["jinja2.template"])).read_text()


def test_beyond_many_nodes_share_a_host_at_ports_of_their_own(tmp_path: Path) -> None:
    places = NodePlaces(LoopbackHosts(tmp_path))
    names = [f"n{number}" for number in range(OWN_HOSTS + 50)]
    found = [(host.address, port) for host, port in map(places.of, names)]
    assert len(set(found)) == len(names)
    assert len({address for address, _ in found}) == OWN_HOSTS + 1
    assert [(host.address, port) for host, port in map(places.of, names)] == found


@pytest.mark.parametrize(
    ("way", "seconds"),
    [
        ("file", 10),
        ("etcd", 11),
        ("zookeeper-3", 12),
        ("doozer", 11),
        ("serf-local", 20.7),
        ("serf-lan", 27.0),
        ("serf-wan", 197.4),
    ],
)
def test_a_way_promises_by_its_formula(way: str, seconds: float) -> None:
    promises = WAYS[way].promises
    assert promises.crash_bound == pytest.approx(seconds)
    assert promises.crash_formula
    assert promises.crash_source


@pytest.mark.parametrize("name", WAYS)
def test_every_program_of_a_way_has_a_version(name: str) -> None:
    way = WAYS[name]
    assert not way.missing()
    assert all(way.versions().values())
    assert {"lbdisc", "haproxy"} <= set(way.versions())
