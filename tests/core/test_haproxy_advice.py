"""What lbdisc would rather have in a configuration that HAProxy takes."""

from collections.abc import Callable

import pytest

from lbdisc.cli.rehearsing import made_up
from lbdisc.haproxy.advice import advice
from lbdisc.rendered import Rendered
from lbdisc.values import Endpoint, Snapshot

GLOBAL = """
global
    stats socket /run/h.sock level admin
    server-state-file /run/h.state
"""
DEFAULTS = """
defaults
    mode http
    option idle-close-on-response
    load-server-state-from-file global
"""
FRONT = """
frontend web
    bind :80
    default_backend nodes
"""


def line(endpoint: Endpoint) -> str:
    weight = 0 if endpoint.draining else endpoint.weight
    return f"server {endpoint.name} {endpoint.host_port} weight {weight} init-addr last,libc,none"


class Written:
    """A renderer: `text` before the servers of the proxy nodes, `line` for each."""

    def __init__(self, text: str, line: Callable[[Endpoint], str] = line) -> None:
        self._text, self._line = text, line

    def render(self, snapshot: Snapshot) -> Rendered:
        servers = "".join(f"    {self._line(e)}\n" for e in snapshot.endpoints)
        return Rendered(f"{self._text}\nbackend nodes\n{servers}")


def told(text: str, line: Callable[[Endpoint], str] = line) -> list[str]:
    return list(advice(Written(text, line), made_up(["nodes"])))


def test_nothing_is_said_where_nothing_is_missing() -> None:
    assert told(GLOBAL + DEFAULTS + FRONT) == []


def test_made_up_endpoints_have_ports_that_servers_may_be_numbered_by() -> None:
    ports = [endpoint.port for endpoint in made_up(["nodes"]).endpoints]
    assert len(set(ports)) == len(ports)


def test_a_frontend_with_the_name_of_a_backend_is_named() -> None:
    [said] = told(GLOBAL + DEFAULTS + FRONT.replace("frontend web", "frontend nodes"))
    assert said.startswith("nodes: a frontend and a backend of one name")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("global\n    server-state-file /x\n" + DEFAULTS, "no 'stats socket'"),
        (GLOBAL.replace("    stats", "    # stats") + DEFAULTS, "no 'stats socket'"),
        (GLOBAL.replace(" level admin", "") + DEFAULTS, "of level operator"),
        (GLOBAL.replace("admin", "user # level admin") + DEFAULTS, "of level user"),
        (GLOBAL.replace("socket /run/h.sock", "socket fd@3") + DEFAULTS, "a descriptor"),
        (GLOBAL.replace("socket /run/h.sock", "socket :1 ssl") + DEFAULTS, "talks TLS"),
        (GLOBAL.replace("socket /run/h.sock", "socket unix@h") + DEFAULTS, "the folder that"),
        (GLOBAL.replace("server-state-file", "#") + DEFAULTS, "no 'server-state-file'"),
        (GLOBAL + DEFAULTS.replace("load-", "#"), "backend nodes without 'load-server-state"),
        (GLOBAL + DEFAULTS.replace("option idle", "#") + FRONT, "frontend web without 'option"),
        (
            GLOBAL + DEFAULTS + FRONT + "    no option idle-close-on-response\n",
            "frontend web without 'option",
        ),
    ],
)
def test_what_is_missing_is_named(text: str, words: str) -> None:
    [found] = told(text)
    assert words in found


@pytest.mark.parametrize(
    "text",
    [
        GLOBAL.replace("stats socket", "\"stats\" 'socket'") + DEFAULTS,
        GLOBAL.replace("admin", '"${LEVEL}"') + DEFAULTS,
        GLOBAL + "    stats socket /run/user.sock level user\n" + DEFAULTS,
        GLOBAL + DEFAULTS.replace("http", "tcp").replace("option idle", "#") + FRONT,
        GLOBAL + DEFAULTS.replace("option idle", "#") + "frontend page\n    stats enable\n",
    ],
)
def test_what_only_looks_missing_is_not(text: str) -> None:
    assert told(text) == []


def test_a_host_name_without_a_last_resort_is_named() -> None:
    [found] = told(GLOBAL + DEFAULTS, lambda e: line(e).replace("init-addr last,libc,none", ""))
    assert "'init-addr … none'" in found
    shared = GLOBAL + DEFAULTS + "    default-server init-addr libc,127.0.0.1\n"
    assert told(shared, lambda e: line(e).replace("init-addr last,libc,none", "")) == []


@pytest.mark.parametrize("instead", ["", "weight 5"])
def test_draining_endpoints_that_keep_their_weight_are_named(instead: str) -> None:
    [found] = told(GLOBAL + DEFAULTS, lambda e: line(e).replace("weight 0", instead))
    assert "draining endpoints keep their weight in nodes" in found


def test_draining_endpoints_may_be_disabled_instead() -> None:
    assert told(GLOBAL + DEFAULTS, lambda e: line(e).replace("weight 0", "disabled")) == []


RESOLVERS = """
resolvers r
    nameserver a 127.0.0.1:53
    hold nx 24d
    hold refused 1d
    hold timeout 24d
    hold other 3600s
"""


def named(endpoint: Endpoint) -> str:
    return line(endpoint) + " resolvers r"


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("    hold other 3600s\n", "for 30 s; add 'hold other 24d'"),
        ("    hold nx 24d\n    hold refused 1d\n", "add 'hold nx 24d', 'hold refused 24d'"),
    ],
)
def test_resolvers_that_let_go_of_a_name_are_named(gone: str, words: str) -> None:
    [found] = told(GLOBAL + DEFAULTS + RESOLVERS.replace(gone, ""), named)
    assert "resolvers r" in found
    assert words in found
    assert told(GLOBAL + DEFAULTS + RESOLVERS, named) == []
    assert told(GLOBAL + DEFAULTS + RESOLVERS.replace(gone, "")) == []  # nobody uses them


def test_a_reload_that_forgets_addresses_is_named() -> None:
    [found] = told(
        GLOBAL + DEFAULTS + RESOLVERS, lambda e: named(e).replace("last,libc,none", "libc,none")
    )
    assert "without 'last'" in found


def test_a_template_whose_servers_are_found_anew_is_named() -> None:
    text = GLOBAL + DEFAULTS + "backend pods\n    load-server-state-from-file none\n"
    [found] = told(text + "    server-template p 3 pods.example:80 init-addr none\n")
    assert "backend pods without" in found


def test_a_state_file_of_the_proxys_own_will_do() -> None:
    text = GLOBAL.replace("server-state-file", "server-state-base")
    assert told(text + DEFAULTS.replace("file global", "file local")) == []


TABLE = "    stick-table type ip size 1k expire 1m"


@pytest.mark.parametrize("section", ["backend counts\n", "frontend f\n    bind :9\n", "listen l\n"])
def test_stick_tables_without_peers_are_named(section: str) -> None:
    [found] = told(GLOBAL + DEFAULTS.replace("http", "tcp") + section + TABLE)
    assert f"stick tables of {section.split()[0]} {section.split()[1]} are lost" in found


def test_stick_tables_with_peers_are_kept() -> None:
    peers = "peers fleet\n    peer me 127.0.0.1:10000\n    table t type ip size 1k\n"
    assert told(GLOBAL + DEFAULTS + peers + f"backend counts\n{TABLE} peers fleet\n") == []


@pytest.mark.parametrize("address", ["127.0.0.1:9999", "ipv4@*:9999", ":9999", "[::1]:9999"])
def test_a_cli_over_tcp_that_may_do_all_is_named(address: str) -> None:
    more = f"    stats socket {address} level"
    [said] = told(f"{GLOBAL}{more} admin\n{DEFAULTS}{FRONT}")
    assert f"'stats socket {address}' is of level admin and over TCP" in said
    assert told(f"{GLOBAL}{more} user\n{DEFAULTS}{FRONT}") == []


@pytest.mark.parametrize("address", ["/run/i.sock", "unix@/run/i.sock", "abns@i"])
def test_a_cli_that_only_this_machine_reaches_is_not(address: str) -> None:
    assert told(f"{GLOBAL}    stats socket {address} level admin\n{DEFAULTS}{FRONT}") == []
