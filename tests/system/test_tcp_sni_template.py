"""The template for TLS by name: connections reach the service whose name the client asks for."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

import pytest

from lbdisc import Endpoint, Snapshot
from lbdisc.builtin.jinja2.renderer import TEMPLATES, JinjaRenderer, JinjaSettings
from lbdisc.errors import RenderError
from lbdisc.testing.waiting import eventually
from support.haproxies import VERSIONS, place
from support.served import Served

TEMPLATE = TEMPLATES / "tcp-sni.cfg.j2"
NAMES = {"web": {"names": ["web.example", "*.web.example"]}}


class Named(Served):
    """Services `web` and `api.example`, whose nodes have the certificates."""

    def of(self, name: str, *names: str, service: str = "web") -> Endpoint:
        return replace(self.node(name, f"ssl crt {self.pem(name, *names)}"), service=service)

    def written(self, *endpoints: Endpoint, **variables: Any) -> str:
        known = {
            "bind": f"127.0.0.1:{self.port}",
            "stats_bind": f"127.0.0.1:{self.stats}",
            "check_inter": "100ms",
            "services": NAMES,
            **variables,
        }
        made = JinjaSettings(
            services=("web", "api.example"),
            state_dir=self.here.folder,
            template=TEMPLATE,
            vars=known,
        )
        return JinjaRenderer(made).render(Snapshot.of(endpoints)).text

    def ask(self, name: str) -> str:
        """The node that answers one who asks for ``name``, ``""`` for nobody."""
        with suppress(OSError, ssl.SSLError):
            return self.over_tls(self.port, name).partition(" ")[0]
        return ""


@pytest.fixture(params=VERSIONS)
def named(request: pytest.FixtureRequest) -> Iterator[Named]:
    with place(request.param) as here, ExitStack() as stack:
        yield Named(here, stack)


def test_each_name_reaches_its_service_and_nodes_join_at_run_time(named: Named) -> None:
    web = named.of("one", "web.example", "*.web.example")
    api = named.of("two", "api.example", service="api.example")
    named.start(named.written(web))
    eventually(lambda: named.ask("web.example") == "one", what="an answer")
    named.bring(named.written(web, api))
    eventually(lambda: named.ask("api.example") == "two", what="the other service")
    assert named.ask("a.web.example") == "one"
    assert named.ask("stranger.example") == ""
    assert named.get(named.stats, "/ready").startswith("<html>")


def test_a_fallback_takes_other_names_and_who_speaks_no_tls(named: Named) -> None:
    node = replace(named.node("plain"), service="api.example")
    named.start(named.written(node, fallback="api.example"))
    eventually(lambda: named.get().startswith("plain "), what="an answer")


def test_nobody_else_gets_in_without_a_fallback(named: Named) -> None:
    named.start(named.written(named.of("one", "web.example")))
    with socket.create_connection(("127.0.0.1", named.port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with suppress(ConnectionResetError):
            assert client.recv(100) == b""


def test_a_fallback_that_is_no_service_names_the_known_ones(named: Named) -> None:
    with pytest.raises(RenderError, match=r"no service 'apo'.*\(known: web, api\.example\)"):
        named.written(fallback="apo")
