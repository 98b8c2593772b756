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
