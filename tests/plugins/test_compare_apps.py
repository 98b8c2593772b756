"""The nodes' web apps: whole answers, slow ones, streams, and who answers."""

import http.client
import time
from collections.abc import Iterator

import pytest

from lbdisc.errors import LbdiscError
from lbdisc.testing.processes import free_port
from lbdisc_compare.apps.apps import NodeApps
from lbdisc_compare.hosts.host import Host

HOST = Host(name="here", address="127.0.0.1")


@pytest.fixture
def apps() -> Iterator[NodeApps]:
    with NodeApps() as started:
        yield started


@pytest.fixture
def connection(apps: NodeApps) -> Iterator[http.client.HTTPConnection]:
    port = free_port()
    apps.open("n1", HOST, port)
    opened = http.client.HTTPConnection(HOST.address, port, timeout=30)
    yield opened
    opened.close()


def test_every_answer_names_its_node(connection: http.client.HTTPConnection) -> None:
    for method, body in (("GET", b"ok\n"), ("HEAD", b""), ("GET", b"ok\n")):
        connection.request(method, "/any")
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("x-node"), answer.read()) == (200, "n1", body)


def test_a_posted_body_is_read_to_its_end(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/", body=b"x" * 300_000)
    answer = connection.getresponse()
    assert answer.getheader("x-received") == "300000"
    assert answer.read() == b"ok\n"


def test_a_slow_answer_waits(connection: http.client.HTTPConnection) -> None:
    began = time.monotonic()
    connection.request("GET", "/slow?ms=150")
    assert connection.getresponse().read() == b"ok\n"
    assert time.monotonic() - began >= 0.15


def test_a_stream_comes_in_pieces_and_is_whole(connection: http.client.HTTPConnection) -> None:
    began = time.monotonic()
    connection.request("GET", "/stream?ms=200")
    answer = connection.getresponse()
    assert len(answer.read()) == 20_000
    assert time.monotonic() - began >= 0.15


def test_nodes_share_a_process_and_one_that_is_closed_answers_no_more(apps: NodeApps) -> None:
    ports = [free_port(), free_port()]
    for name, port in zip(("a", "b"), ports, strict=True):
        apps.open(name, HOST, port)
    assert len(apps.pids) == 1
    apps.close("a")
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection(HOST.address, ports[0], timeout=5).connect()


def test_a_port_that_is_taken_is_told(apps: NodeApps) -> None:
    port = free_port()
    apps.open("a", HOST, port)
    with pytest.raises(LbdiscError, match="no b "):
        apps.open("b", HOST, port)
