"""What the default template offers, on a real HAProxy: nodes that join at run time have it too."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from lbdisc.testing.waiting import eventually
from support.haproxies import VERSIONS, place
from support.served import NAME, Served


@pytest.fixture(params=VERSIONS)
def web(request: pytest.FixtureRequest) -> Iterator[Served]:
    with place(request.param) as here, ExitStack() as stack:
        yield Served(here, stack)


def kinds(web: Served) -> dict[str, tuple[dict[str, Any], str]]:
    """The settings of each kind, and how a node listens."""
    tls = {"ca": web.ca, "sni": NAME}
    return {
        "plain": ({}, ""),
        "own bind": ({"bind": f"127.0.0.1:{web.own}"}, ""),
        "tcp": ({"mode": "tcp", "bind": f"127.0.0.1:{web.own}"}, ""),
        "tcp, HTTP check": ({"mode": "tcp", "bind": f"127.0.0.1:{web.own}", "check": "/"}, ""),
        "check": ({"check": "GET /", "check_host": "a.example", "check_status": "200,204"}, ""),
        "check text": ({"check": "/", "check_host": "its-host", "check_text": "its-host"}, ""),
        "tls": ({"tls": tls, "check": "/"}, f"ssl crt {web.crt}"),
        "tls, not verified": ({"tls": {"verify": "none"}}, f"ssl crt {web.crt}"),
        "PROXY": ({"send_proxy": "v1", "check": "/"}, "accept-proxy"),
        "PROXY 2, tls": ({"send_proxy": "v2", "tls": tls}, f"accept-proxy ssl crt {web.crt}"),
        "queue": ({"server_maxconn": 9, "server_maxqueue": 3, "slowstart": "100ms"}, ""),
        "cookie": ({"cookie": "SRV"}, ""),
        "canary": ({"canary": {"share": 20}, "backup": "spare"}, ""),
    }


KINDS = (
    *("plain", "own bind", "tcp", "tcp, HTTP check", "check", "check text", "tls"),
    *("tls, not verified", "PROXY", "PROXY 2, tls", "queue", "cookie", "canary"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_nodes_join_and_leave_at_run_time(web: Served, kind: str) -> None:
    its, bind = kinds(web)[kind]
    one, two = web.node("one", bind), web.node("two", bind)
    port = web.own if "bind" in its else web.port
    web.start(web.render(its, one))
    web.until(one="UP")
    web.bring(web.render(its, one, two))
    web.until(one="UP", two="UP")
    eventually(lambda: web.get(port).startswith("two "), what="an answer of the new one")
    web.bring(web.render(its, two))
    assert {web.get(port).split()[0] for _ in range(4)} == {"two"}


def test_a_node_that_answers_the_check_otherwise_is_down(web: Served) -> None:
    its = {"check": "/", "check_status": "200", "check_text": "fine"}
    answer = "http-request return status {} content-type text/plain string {}"
    nodes = [
        web.node("good", "", answer.format(200, "all-fine")),
        web.node("other", "", answer.format(200, "not-well")),
        web.node("wrong", "", answer.format(404, "all-fine")),
    ]
    web.start(web.render(its, *nodes))
    web.until(good="UP", other="DOWN", wrong="DOWN")
    assert web.get() == "all-fine"


@contextmanager
def talker(hello: str, answer: str) -> Iterator[int]:
    """A server of a line protocol: greets, and answers each line."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def talk(taken: socket.socket) -> None:
            with suppress(OSError), taken, taken.makefile("rwb", buffering=0) as lines:
                lines.write(hello.encode())
                while lines.readline():
                    lines.write(answer.encode())

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(
                        target=talk, args=(listening.accept()[0],), daemon=True
                    ).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("its", "hello", "answer"),
    [
        ({"check": "redis"}, "", "+PONG\r\n"),
        ({"check": "smtp"}, "220 hello\r\n", "250 fine\r\n"),
        ({"check_send": "are you 'well'?", "check_text": "it's well"}, "", "yes, it's well\r\n"),
        ({"check_text": "SSH-2.0"}, "SSH-2.0-lbdisc\r\n", ""),
    ],
)
def test_protocols_have_checks_of_their_own(
    web: Served, its: dict[str, Any], hello: str, answer: str
) -> None:
    its = {"mode": "tcp", "bind": f"127.0.0.1:{web.own}", **its}
    with talker(hello, answer) as good, talker("-ERR\r\n", "-ERR\r\n") as bad:
        web.start(web.render(its))
        web.bring(web.render(its, web.at("good", good), web.at("bad", bad)))
        web.until(good="UP", bad="DOWN")


def test_a_node_with_a_certificate_for_another_name_gets_nothing(web: Served) -> None:
    its = {"tls": {"ca": web.ca, "sni": "other.example"}}
    web.start(web.render(its))
    web.bring(web.render(its, web.node("one", f"ssl crt {web.crt}")))
    web.until(one="DOWN")
    assert web.get() == "503"


def test_nodes_are_told_the_name_and_the_clients_address(web: Served) -> None:
    its = {"tls": {"ca": web.ca, "sni": NAME}, "send_proxy": "v2"}
    web.start(web.render(its, web.node("one", f"accept-proxy ssl crt {web.crt}")))
    web.until(one="UP")
    with socket.create_connection(("127.0.0.1", web.port), source_address=("127.0.0.9", 0)) as c:
        c.sendall(b"GET / HTTP/1.0\r\nHost: a.example\r\n\r\n")
        said = b"".join(iter(lambda: c.recv(4096), b""))
    assert said.endswith(b"one 127.0.0.9 nodes.example a.example")


def test_who_finds_no_place_at_a_full_node_waits_so_long(web: Served) -> None:
    its = {"server_maxconn": 1, "timeouts": {"queue": "200ms"}}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        web.start(web.render(its, web.at("one", silent.getsockname()[1])))
        with socket.create_connection(("127.0.0.1", web.port)) as first:
            first.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            eventually(lambda: web.rows()["one"]["scur"] == "1", what="a request that is served")
            assert web.get() == "503"
        assert web.rows()["one"]["slim"] == "1"


def test_a_node_that_never_answers_costs_the_services_own_timeout(web: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        its = {"timeouts": {"server": "200ms"}}
        web.start(web.render(its, web.at("one", silent.getsockname()[1])))
        assert web.get() == "504"


def test_one_that_starts_slowly_has_a_part_of_its_weight(web: Served) -> None:
    its = {"slowstart": "1h"}
    one, two = web.node("one"), web.node("two")
    web.start(web.render(its, one))
    web.bring(web.render(its, one, two))
    eventually(lambda: web.rows()["two"]["throttle"] not in ("", "100%"), what="a slow start")


def test_backups_serve_when_nobody_else_does(web: Served) -> None:
    its = {"backup": "spare"}
    one = web.node("one")
    spares = [web.node(name, tags={"spare": "yes"}) for name in ("two", "three")]
    web.start(web.render(its, one))
    web.bring(web.render(its, one, *spares))
    web.until(one="UP", two="UP", three="UP")
    assert {web.get().split()[0] for _ in range(6)} == {"one"}
    web.bring(web.render(its, replace(one, state="draining"), *spares))
    eventually(lambda: {web.get().split()[0] for _ in range(6)} == {"two", "three"})


def test_a_canarys_share_changes_at_run_time(web: Served) -> None:
    nodes = [web.node(name) for name in ("one", "two")]
    new = web.node("new", tags={"version": "2"})
    texts = {
        share: web.render({"canary": {"tag": "version=2", "share": share}}, *nodes, new)
        for share in (1, 5, 100)
    }
    web.start(texts[1])
    assert web.rows()["new"]["weight"] == "2"
    assert len(web.bring(texts[5]).commands) == 1
    assert web.rows()["new"]["weight"] == "11"
    web.bring(texts[100])
    assert {web.get().split()[0] for _ in range(6)} == {"new"}


def test_clients_may_speak_tls_and_are_sent_there(web: Served) -> None:
    binds = [f"127.0.0.1:{web.port}", f"127.0.0.1:{web.own} ssl crt {web.crt}"]
    web.start(web.render({}, web.node("one"), http_bind=binds, https_redirect=True))
    web.until(one="UP")
    with socket.create_connection(("127.0.0.1", web.port)) as plain:
        plain.sendall(b"GET /a HTTP/1.0\r\nHost: a.example\r\n\r\n")
        assert b"location: https://a.example/a" in plain.recv(4096)
    assert web.over_tls(web.own).startswith("one ")


def test_haproxys_own_exporter_answers_on_the_statistics_port(web: Served) -> None:
    web.start(web.render({}, web.at("one", 1), metrics_uri="/metrics"))
    assert 'haproxy_server_status{proxy="web",server="one"' in web.get(web.stats, "/metrics")
    assert "Statistics Report" in web.get(web.stats)
    assert "200" in web.get(web.stats, "/ready")
