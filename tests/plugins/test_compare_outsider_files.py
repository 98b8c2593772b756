"""What the alternatives to lbdisc are configured with, read by the programs themselves."""

import json
import subprocess
from pathlib import Path

import pytest

from lbdisc_compare.contenders.catalogue import all_contenders
from lbdisc_compare.contenders.outside.confd import write_confd
from lbdisc_compare.contenders.outside.dns import DEFAULTS, TUNED, DnsTuning, dns_configuration
from lbdisc_compare.contenders.outside.envoy_files import EnvoyEndpoint, bootstrap, endpoints
from lbdisc_compare.contenders.outside.knot import srv_weight
from lbdisc_compare.contenders.outside.traefik_keys import common_keys, node_keys
from lbdisc_compare.contenders.outside.ways import outsiders
from lbdisc_compare.hosts.host import Host

HOST = Host(name="balancer0", address="127.0.0.1")


def refused(text: str, folder: Path) -> str:
    """What HAProxy itself says against a configuration; empty when it takes it."""
    file = folder / "checked.cfg"
    file.write_text(text)
    command = ["haproxy", "-c", "-q", "-f", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode or "WARNING" in done.stderr else ""


@pytest.mark.parametrize("tuning", [DEFAULTS, TUNED], ids=["dns", "dns-tuned"])
@pytest.mark.parametrize("checks", [True, False])
def test_haproxy_takes_the_files_for_dns(tuning: DnsTuning, checks: bool, tmp_path: Path) -> None:
    text = dns_configuration(HOST, "127.0.0.1", tmp_path, tuning, 20, checks)
    assert refused(text, tmp_path) == ""
    assert ("httpchk" in text) == checks


def test_dns_at_its_defaults_sets_no_time(tmp_path: Path) -> None:
    text = dns_configuration(HOST, "127.0.0.1", tmp_path, DEFAULTS, 20, True)
    assert "hold" not in text
    assert "timeout resolve" not in text


@pytest.mark.parametrize(("weight", "record"), [(0, 0), (1, 256), (100, 25600), (256, 65535)])
def test_a_weight_has_its_place_in_sixteen_bits(weight: int, record: int) -> None:
    assert srv_weight(weight) == record


def test_haproxy_takes_confd_s_first_file(tmp_path: Path) -> None:
    folder = tmp_path / "balancer0"
    write_confd(HOST, folder, checks=True)
    assert refused((folder / "haproxy.cfg").read_text(), tmp_path) == ""
    assert "echo reload | socat" in (folder / "confd" / "conf.d" / "haproxy.toml").read_text()


def test_envoy_s_endpoints_hold_weights_and_who_drains() -> None:
    nodes = {
        "n1": EnvoyEndpoint(address="127.0.0.3", port=3000, weight=7),
        "n2": EnvoyEndpoint(address="127.0.0.4", port=3000, draining=True),
        "n3": EnvoyEndpoint(address="127.0.0.5", port=3000, weight=0),
    }
    listed = json.loads(endpoints(nodes, 3))["resources"][0]["endpoints"][0]["lb_endpoints"]
    told = [(one["load_balancing_weight"], one["health_status"]) for one in listed]
    assert told == [(7, "HEALTHY"), (100, "DRAINING"), (1, "DRAINING")]


def test_envoy_without_checks_ejects_nobody(tmp_path: Path) -> None:
    cluster = json.loads(bootstrap("127.0.0.1", tmp_path, checks=False))
    assert "health_checks" not in cluster["static_resources"]["clusters"][0]
    assert "outlier_detection" not in cluster["static_resources"]["clusters"][0]


def test_traefik_s_node_is_of_the_service_that_is_routed_to() -> None:
    keys = {**common_keys(checks=True), **node_keys("n1", ("127.0.0.3", 3000), 7)}
    base = "traefik/http/services/nodes/loadBalancer"
    assert keys["traefik/http/routers/nodes/service"] == "nodes"
    assert keys[f"{base}/servers/n1/url"] == "http://127.0.0.3:3000"
    assert keys[f"{base}/servers/n1/weight"] == "7"
    assert keys[f"{base}/healthCheck/interval"] == "1s"


def test_a_way_has_its_name_to_itself_and_says_where_its_promise_shows() -> None:
    names = [way.name for way in all_contenders()]
    assert len(set(names)) == len(names)
    assert {way.name for way in outsiders()} <= set(names)
    for way in outsiders():
        assert way.promises.words
        assert (way.promises.crash_bound is None) or way.promises.crash_formula
