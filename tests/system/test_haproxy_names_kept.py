"""A reload keeps what HAProxy found out by itself: a resolver's addresses, an agent's words."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from lbdisc.haproxy.health_file import keep_health, reset_health
from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.sockets.rows import ServerState
from lbdisc.testing.waiting import eventually
from support.haproxies import VERSIONS, Place, Running, listener, place
from support.name_server import NameServer, name_server

RESOLVERS = """resolvers r
  nameserver own 127.0.0.1:{port}
  accepted_payload_size 8192
  timeout resolve 1s
  timeout retry 1s
"""


@pytest.fixture(params=VERSIONS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


@pytest.fixture
def names() -> Iterator[NameServer]:
    with name_server() as server:
        server.names = {"pods.test": ["127.0.1.1", "127.0.1.2"], "one.test": ["127.0.1.3"]}
        yield server


def text(here: Place, body: str, names: NameServer | None = None, *, load: str = "global") -> str:
    whole = here.text(
        f"  load-server-state-from-file {load}\n"
        + (RESOLVERS.format(port=names.port) if names else "")
        + body
    )
    where = f"  server-state-base {here.folder}\n  server-state-file state\n"
    return whole.replace("global\n", f"global\n{where}", 1)


def reload(running: Running, before: str, after: str) -> dict[str, ServerState]:
    """What the new worker has at once, before anything could tell it again."""
    keep_health(parse(before), parse(after))
    running.reload(after)
    reset_health(parse(after))
    return rows(running)


def rows(running: Running) -> dict[str, ServerState]:
    return {row.server: row for row in running.runtime.servers()}


def resolved(running: Running, *, servers: int) -> bool:
    return sum(row.address.startswith("127.0.1.") for row in rows(running).values()) == servers


@pytest.mark.parametrize("load", ["global", "local"])
@pytest.mark.parametrize(
    "line",
    [
        "server-template p 2 pods.test:9000 resolvers r init-addr last,none",
        "server-template p 2-3 pods.test:9000 check inter 30s resolvers r init-addr last,none",
        "server one one.test:9000 check inter 30s resolvers r init-addr last,none",
    ],
)
def test_addresses_that_a_resolver_found_are_there_at_once(
    here: Place, names: NameServer, line: str, load: str
) -> None:
    before = text(here, f"backend b\n  {line}\n", names, load=load)
    with here.running(before) as running:
        count = len(rows(running))
        eventually(lambda: resolved(running, servers=count))
        names.mood = "silent"
        found = reload(running, before, before + "backend more\n")
    assert {row.address for row in found.values()} <= {"127.0.1.1", "127.0.1.2", "127.0.1.3"}
    assert all(row.operational and not row.in_maintenance for row in found.values())


def test_servers_of_a_record_keep_their_name_port_and_weight(
    here: Place, names: NameServer
) -> None:
    names.records = {"_web._tcp.test": [("one.test", 9001), ("pods.test", 9002)]}
    line = "server-template p 2 _web._tcp.test resolvers r init-addr last,none"
    before = text(here, f"backend b\n  {line}\n", names)
    with here.running(before) as running:
        eventually(lambda: resolved(running, servers=2))
        names.mood = "silent"
        found = reload(running, before, before + "backend more\n")
    assert {(row.port, row.fqdn) for row in found.values()} == {
        (9001, "one.test"),
        (9002, "pods.test"),
    }
    assert not any(row.in_maintenance for row in found.values())


def test_a_template_that_speaks_of_another_name_begins_anew(here: Place, names: NameServer) -> None:
    line = "server-template p 1 {}:9000 resolvers r init-addr last,none"
    before = text(here, f"backend b\n  {line.format('pods.test')}\n", names)
    with here.running(before) as running:
        eventually(lambda: resolved(running, servers=1))
        names.mood = "silent"
        found = reload(running, before, before.replace("pods.test", "one.test"))
    assert found["p1"].address == "-"


class _Agent(socketserver.BaseRequestHandler):
    words = ""

    def handle(self) -> None:
        self.request.sendall(f"{type(self).words}\n".encode())


@contextmanager
def told_by_agent(here: Place, words: str) -> Iterator[tuple[Running, str]]:
    """A HAProxy whose agent has said ``words``, and is silent by now; with its text."""
    with listener() as port:
        handler = type("Agent", (_Agent,), {"words": words})
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
            asked = int(server.server_address[1])
            before = text(
                here,
                f"backend b\n  server a 127.0.0.1:{port} check inter 2s weight 100"
                f" agent-check agent-port {asked} agent-inter 200ms\n",
            )
            with here.running(before) as running:
                thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
                thread.start()
                eventually(lambda: said(rows(running)["a"]) != (2, 0, 100), what=words)
                server.shutdown()
                server.server_close()
                thread.join()
                yield running, before


def said(row: ServerState) -> tuple[int, int, int]:
    return row.operational, row.admin, row.weight


@pytest.mark.parametrize("words", ["drain", "maint", "down", "30%"])
def test_what_an_agent_said_is_there_at_once(here: Place, words: str) -> None:
    with told_by_agent(here, words) as (running, before):
        known = said(rows(running)["a"])
        found = reload(running, before, before + "backend more\n")
    assert said(found["a"]) == known


def test_the_percentage_of_an_agent_is_of_the_files_weight(here: Place) -> None:
    with told_by_agent(here, "30%") as (running, before):
        found = reload(running, before, before.replace("weight 100", "weight 50"))
    assert (found["a"].weight, found["a"].initial_weight) == (15, 50)


def test_who_is_not_asked_any_more_has_no_say(here: Place) -> None:
    with told_by_agent(here, "drain") as (running, before):
        found = reload(running, before, before.replace("agent-check", ""))
    assert said(found["a"]) == (2, 0, 100)


def test_a_server_that_is_checked_no_more_is_not_down_for_ever(here: Place) -> None:
    before = text(here, "backend b\n  server a 127.0.0.1:1 check inter 50ms fall 1\n")
    with here.running(before) as running:
        eventually(lambda: not rows(running)["a"].operational)
        found = reload(running, before, before.replace(" check inter 50ms fall 1", ""))
    assert found["a"].operational == 2


def test_checks_that_were_switched_off_by_hand_are_on_again(here: Place, tmp_path: Path) -> None:
    before = text(here, "backend b\n  server a 127.0.0.1:1 check inter 30s\n")
    with here.running(before) as running:
        running.runtime.ask("disable health b/a")
        assert not rows(running)["a"].checked
        found = reload(running, before, before + "backend more\n")
    assert found["a"].checked
