"""Which servers of a configuration stand for a draining endpoint. Sessions: tests/system."""

import pytest

from lbdisc import Endpoint
from lbdisc.haproxy.drains import servers_of
from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.versions import OLDEST

TEXT = """
backend web
    server one 10.0.0.1:3000 weight 0
    server two 10.0.0.2:3000
backend secure
    server one 10.0.0.1:3000 weight 0 ssl
backend elsewhere
    server one 10.0.0.9:3000
    server v6 [fd00::1]:80
    server host app.internal:80
"""


def live(text: str = TEXT) -> Live:
    return Live(1, text, parse(text), OLDEST, lambda: 0.0)


def endpoint(name: str, address: str, port: int) -> Endpoint:
    return Endpoint(service="web", name=name, address=address, port=port, state="draining")


@pytest.mark.parametrize(
    ("found", "servers"),
    [
        (endpoint("one", "10.0.0.1", 3000), [("web", "one"), ("secure", "one")]),
        (endpoint("v6", "fd00::1", 80), [("elsewhere", "v6")]),
        (endpoint("host", "app.internal", 80), [("elsewhere", "host")]),
        (endpoint("renamed", "10.0.0.2", 3000), [("web", "two")]),
        (endpoint("one", "10.0.0.1", 3001), [("web", "one"), ("secure", "one")]),
        (endpoint("one", "10.9.9.9", 3001), [("web", "one")]),
        (endpoint("gone", "10.0.0.1", 3001), []),
    ],
)
def test_servers_are_found_by_address_or_name(
    found: Endpoint, servers: list[tuple[str, str]]
) -> None:
    assert list(servers_of(live(), found)) == servers


def test_a_server_that_the_template_left_out_is_found_in_maintenance() -> None:
    now = live("backend web\n")
    now.in_maintenance = parse(TEXT).servers
    assert servers_of(now, endpoint("two", "10.0.0.2", 3000)) == {("web", "two"): True}


def test_one_of_another_backend_and_port_may_be_another_service() -> None:
    found = servers_of(live(), endpoint("one", "10.0.0.1", 3001))
    assert found == {("web", "one"): True, ("secure", "one"): False}


def test_the_slots_of_a_template_are_found_by_address() -> None:
    now = live("backend web\n  server-template slot 2-3 10.0.0.1:3000\n")
    found = servers_of(now, endpoint("one", "10.0.0.1", 3000))
    assert found == {("web", "slot2"): True, ("web", "slot3"): True}
