"""What the default template opens, and to whom: the statistics page, the CLI, the front door."""

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from lbdisc.testing.processes import free_port
from support.haproxies import VERSIONS, place
from support.served import Served

PASSWORD = "hunter2 # 'x' $HOME %[env(HOME)]"
WEB_CLIENTS = (
    *("/", "/ready", "/metrics", "/;csv", "/stats", "/haproxy?stats", "/;prompt;", "//;csv"),
    "/admin",
)


@pytest.fixture(params=VERSIONS)
def web(request: pytest.FixtureRequest) -> Iterator[Served]:
    with place(request.param) as here, ExitStack() as stack:
        yield Served(here, stack)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_the_statistics_ask_for_the_password_and_readiness_does_not(web: Served) -> None:
    given = {"stats_password": PASSWORD, "stats_user": "who ever", "metrics_uri": "/metrics"}
    web.start(web.render({}, web.at("one", 1), **given))
    asked = [web.get(web.stats, path) for path in ("/", "/;csv", "/metrics")]
    assert asked == ["401"] * 3
    assert web.get(web.stats, "/", Authorization=basic("who ever", "hunter2")) == "401"
    good = basic("who ever", PASSWORD)
    assert "Statistics Report" in web.get(web.stats, "/", Authorization=good)
    assert web.get(web.stats, "/metrics", Authorization=good) != "401"
    assert "200 OK" in web.get(web.stats, "/ready")


def test_nobody_changes_anything_through_the_statistics(web: Served) -> None:
    web.start(web.render({}, web.at("one", 1)))
    with suppress(OSError):
        web.get(web.stats, "/?s=one&action=maint&b=web")
    assert web.rows()["one"]["status"] != "MAINT"


@pytest.mark.parametrize("command", ["show env", "set server web/one state maint", "prompt"])
def test_a_cli_over_tcp_tells_no_secret_and_changes_nothing(web: Served, command: str) -> None:
    port = free_port()
    web.start(web.render({}, web.at("one", 1), cli_bind=f"127.0.0.1:{port}"))
    said = spoken(port, f"{command}\n".encode())
    assert "PATH=" not in said
    assert web.rows()["one"]["status"] != "MAINT"
    assert "Name: HAProxy" in spoken(port, b"show info\n")


def test_web_clients_reach_nodes_and_nothing_of_the_balancer(web: Served) -> None:
    web.start(web.render({}, web.node("one"), metrics_uri="/metrics"))
    web.until(one="UP")
    answers = {path: web.get(path=path).partition(" ")[0] for path in WEB_CLIENTS}
    assert answers == dict.fromkeys(WEB_CLIENTS, "one")


def test_what_a_client_says_of_itself_is_not_what_the_balancer_says(web: Served) -> None:
    with recorder() as (port, seen):
        web.start(web.render({}, web.at("one", port)))
        given = b"X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n"
        spoken(web.port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + given + b"\r\n")
    lines = seen[-1].lower().decode().split("\r\n")
    forwarded = [line for line in lines if line.startswith("x-forwarded-for")]
    assert forwarded[-1] == "x-forwarded-for: 127.0.0.1"
    assert "x-forwarded-proto: http" in lines
    assert f"x-forwarded-port: {web.port}" in lines
    assert not {"x-forwarded-proto: https", "x-forwarded-port: 443"} & set(lines)


HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\nX: "
SMUGGLED = {
    "length and chunks": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n",
    "list of lengths": b"Content-Length: 0, %d\r\n\r\n",
    "blank before colon": b"Content-Length : 0\r\nContent-Length: %d\r\n\r\n",
    "signed length": b"Content-Length: +%d\r\n\r\n",
    "nul in a value": b"X: \0\r\nContent-Length: %d\r\n\r\n",
    "lone return": b"X: a\rContent-Length: 0\r\nContent-Length: %d\r\n\r\n",
    "odd chunks": b"Transfer-Encoding: xchunked\r\nContent-Length: %d\r\n\r\n",
    "bad chunk": b"Transfer-Encoding: chunked\r\nX: %d\r\n\r\n0x0\r\n\r\n",
}


@pytest.mark.parametrize("way", SMUGGLED)
def test_no_request_hides_in_another(web: Served, way: str) -> None:
    with recorder() as (port, seen):
        web.start(web.render({}, web.at("one", port)))
        head = b"POST / HTTP/1.1\r\nHost: a\r\n" + SMUGGLED[way] % len(HIDDEN)
        spoken(web.port, head + HIDDEN)
    for request in seen:
        head, _, body = request.lower().partition(b"\r\n\r\n")
        names = [line.partition(b":")[0].strip() for line in head.split(b"\r\n")[1:]]
        lengths = names.count(b"content-length") + names.count(b"transfer-encoding")
        assert lengths <= 1, request  # so that everybody reads the same from it
        assert b"/hidden" not in body or b"content-length: %d\r\n" % len(HIDDEN) in head + b"\r\n"


def spoken(port: int, said: bytes) -> str:
    """What is answered until nothing more comes."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(said)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65536):
                answer += more
    return answer.decode(errors="replace")


@contextmanager
def recorder() -> Iterator[tuple[int, list[bytes]]]:
    """A node that keeps what came over each connection, byte by byte, and answers once."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_record, args=(server, seen))
        thread.start()
        try:
            yield server.getsockname()[1], seen
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _record(server: socket.socket, seen: list[bytes]) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection:
                heard = _heard(connection)
            if heard:
                seen.append(heard)


def _heard(connection: socket.socket) -> bytes:
    """All that comes, answered after the first head; a silence of half a second ends it."""
    heard, answered = b"", False
    connection.settimeout(0.5)
    with suppress(OSError):
        while more := connection.recv(65536):
            heard += more
            if b"\r\n\r\n" in heard and not answered:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                answered = True
    return heard
