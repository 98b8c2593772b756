"""Servers that are added at run time are checked as those of the file: over TLS, with PROXY."""

import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lbdisc.haproxy.planning.plan import plan
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers.certificates import Authority
from support.haproxies import VERSIONS, Place, Running, free_port, place

NAME = "nodes.example"
TLS = "ssl verify required ca-file {ca} sni str(nodes.example) check-sni nodes.example"
KINDS = {
    "verified": (TLS, "ssl crt {crt}"),
    "trusted without its name": ("ssl verify required ca-file {ca} verifyhost nodes.example", ""),
    "not verified": ("ssl verify none", "ssl crt {crt}"),
    "PROXY": ("send-proxy", "accept-proxy"),
    "PROXY, version 2": ("send-proxy-v2", "accept-proxy"),
    "both": (f"{TLS} send-proxy-v2", "accept-proxy ssl crt {crt}"),
}
# From 3.3 on HAProxy asks for the name in Host by itself, which then has to be the certificate's.
ASKED = {"Host": NAME}


class Nodes:
    """A HAProxy that balances `b` on a node that wants what `options` give."""

    def __init__(self, here: Place, stack: ExitStack) -> None:
        self.here, self._stack = here, stack
        authority = Authority(here.folder)
        self.ca = authority.cert
        made = authority.issue("node", NAME)
        self.crt = here.folder / "both.pem"
        self.crt.write_text(made.pem)
        self.stranger = Authority(here.folder, "stranger").cert
        self.port, self.node = free_port(), free_port()

    def serve(self, bind: str) -> None:
        bind = bind.format(crt=self.crt) or f"ssl crt {self.crt}"
        lines = f"  bind 127.0.0.1:{self.node} {bind}\n  http-request return status 200\n"
        text = self.here.text(f"frontend node\n{lines}", name="node")
        self._stack.enter_context(self.here.running(text, name="node"))

    def text(self, options: str, *servers: str, ca: Path | None = None) -> str:
        options = options.format(ca=ca or self.ca)
        lines = "".join(f"  server {name} 127.0.0.1:{self.node} check\n" for name in servers)
        return self.here.text(
            f"frontend f\n  bind 127.0.0.1:{self.port}\n  default_backend b\nbackend b\n"
            f"  balance roundrobin\n  option httpchk HEAD /\n"
            f"  default-server {options} inter 100ms fastinter 100ms fall 1 rise 1\n{lines}"
        )

    def run(self, text: str) -> Running:
        return self._stack.enter_context(self.here.running(text))

    def answer(self) -> int:
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}/", headers=ASKED)
        with urllib.request.urlopen(asked, timeout=10) as found:
            return int(found.status)


@pytest.fixture(params=VERSIONS)
def nodes(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    with place(request.param) as here, ExitStack() as stack:
        yield Nodes(here, stack)


def until_checked(running: Running, name: str, status: str) -> None:
    def said() -> bool:
        rows = {row.name: row for row in running.runtime.stats("b") if row.kind == "server"}
        fields = rows[name].fields
        return fields["check_status"].startswith("L7" if status == "UP" else "L6") and (
            rows[name].status == status
        )

    eventually(said, what=f"{name} {status}")


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_joins_is_checked_and_asked_as_the_file_says(nodes: Nodes, kind: str) -> None:
    options, bind = KINDS[kind]
    nodes.serve(bind)
    before, after = nodes.text(options), nodes.text(options, "s1")
    running = nodes.run(before)
    planned = plan(before, after, features=running.runtime.features())
    assert planned.how == "runtime", planned.detail
    running.runtime.run(planned.commands)
    until_checked(running, "s1", "UP")
    assert nodes.answer() == 200


def test_one_with_a_strangers_certificate_gets_nothing(nodes: Nodes) -> None:
    nodes.serve("ssl crt {crt}")
    before = nodes.text(TLS, ca=nodes.stranger)
    after = nodes.text(TLS, "s1", ca=nodes.stranger)
    running = nodes.run(before)
    running.runtime.run(plan(before, after, features=running.runtime.features()).commands)
    until_checked(running, "s1", "DOWN")
