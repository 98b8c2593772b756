"""Traffic against real servers that fail on purpose: every loss is seen, none is invented."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.traffic import Counts, KeepAlive, Traffic

Reply = Callable[[socket.socket], bool]  # whether the connection stays open


def says(status: str, headers: str = "", body: str = "") -> Reply:
    text = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n{body}"

    def reply(connection: socket.socket) -> bool:
        connection.sendall(text.encode())
        return "close" not in headers

    return reply


def resets(connection: socket.socket) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def closes(connection: socket.socket) -> bool:
    return False


def hangs(connection: socket.socket) -> bool:
    connection.recv(1)
    return False


def stops_halfway(connection: socket.socket) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    return False


def babbles(connection: socket.socket) -> bool:
    connection.sendall(b"220 ftp.example ready\r\n\r\n")
    return False


class Server:
    """Answers the n-th request, over all connections, with the n-th reply; the last one stays."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self.replies = replies
        self.requests = 0
        self.connections = 0
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=[connection]))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while b"\r\n\r\n" in _read(connection) and self._next()(connection):
                pass

    def _next(self) -> Reply:
        with self._lock:
            self.requests += 1
            return self.replies[min(self.requests, len(self.replies)) - 1]

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join()


def _read(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        try:
            part = connection.recv(4096)
        except OSError:
            return b""
        if not part:
            return b""
        head += part
    return head


@contextmanager
def serving(*replies: Reply) -> Iterator[Server]:
    server = Server(replies)
    try:
        yield server
    finally:
        server.close()


def after(traffic: Traffic, count: int) -> Counts:
    """The last counts of ``traffic``, stopped after ``count`` requests."""
    eventually(lambda: traffic.counts().requests >= count)
    return traffic.stop()


FINE = says("200 OK")


@pytest.mark.parametrize("keep_alive", ["both", "always", "never"])
def test_a_server_without_faults_loses_nothing(keep_alive: KeepAlive) -> None:
    with serving(FINE) as server:
        with Traffic(server.url, rate=400, keep_alive=keep_alive) as traffic:
            counts = after(traffic, 100)
        assert counts.requests == counts.served == server.requests
        assert (counts.lost, counts.no_node_yet, traffic.lost) == (0, 0, [])


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (says("500 Oops"), "status 500"),
        (says("503 None"), "status 503"),
        (says("302 Elsewhere", "Location: /\r\n"), "status 302"),
        (resets, "reset"),
        (closes, "closed before an answer"),
        (hangs, "no answer in 0.5 s"),
        (stops_halfway, "bad answer"),
        (babbles, "bad answer"),
    ],
)
def test_each_fault_is_one_loss_with_its_reason(fault: Reply, reason: str) -> None:
    replies = [FINE] * 20 + [fault, FINE, fault] + [FINE] * 20
    before = time.time()
    with serving(*replies) as server:
        with Traffic(server.url, rate=200, timeout=0.5) as traffic:
            counts = after(traffic, 60)
        assert counts.requests == server.requests
    assert counts.lost == 2 == len(traffic.lost)
    assert counts.served == counts.requests - 2
    for loss in traffic.lost:
        assert reason in loss.reason
        assert before <= loss.at <= time.time()
        assert 0 <= loss.after < 5


def test_a_refused_connection_is_a_loss() -> None:
    with Traffic(f"http://127.0.0.1:{free_port()}/", rate=100) as traffic:
        counts = after(traffic, 10)
    assert counts.lost == counts.requests
    assert {loss.reason for loss in traffic.lost} == {"refused"}


def test_every_loss_is_kept_however_many_there_are() -> None:
    with Traffic(f"http://127.0.0.1:{free_port()}/", rate=10_000) as traffic:
        counts = after(traffic, 1500)
    assert len(traffic.lost) == counts.lost == counts.requests


def test_503_before_the_first_node_is_no_loss_and_after_it_is() -> None:
    replies = [says("503 None")] * 10 + [FINE] + [says("503 None")]
    with serving(*replies) as server, Traffic(server.url, rate=50) as traffic:
        counts = after(traffic, 20)
    assert counts.served == 1
    assert counts.no_node_yet >= 10
    assert counts.lost == counts.requests - 1 - counts.no_node_yet > 0


def test_503_is_no_loss_on_connections_of_before_until_they_were_served() -> None:
    none = says("503 None")
    # Eight connections: one is served, the seven others are not yet, all are, and then none is.
    replies = [none] * 8 + [FINE] + [none] * 7 + [FINE] * 16 + [none]
    with serving(*replies) as server, Traffic(server.url, rate=100, keep_alive="always") as traffic:
        counts = after(traffic, 40)
    assert (counts.served, counts.no_node_yet) == (17, 15)
    assert counts.lost == counts.requests - 32 > 0


def test_only_503_may_wait_for_the_first_node() -> None:
    with serving(says("502 Bad")) as server, Traffic(server.url) as traffic:
        counts = after(traffic, 5)
    assert counts.lost == counts.requests


def test_nodes_are_told_apart_by_name_or_else_by_address() -> None:
    named = says("200 OK", "x-backend-ip: 10.0.0.7\r\n", '{"host": "s1"}')
    bare = says("200 OK", "X-Backend-IP: 10.0.0.8\r\n", "no JSON")
    with serving(named, named, bare, FINE) as server, Traffic(server.url) as traffic:
        counts = after(traffic, 10)
    assert counts.nodes == {"s1": 2, "10.0.0.8": 1, "": counts.requests - 3}


def test_half_of_the_connections_serve_many_requests_and_half_serve_one() -> None:
    with serving(FINE) as server:
        with Traffic(server.url, rate=400) as traffic:
            counts = after(traffic, 80)
        # Of eight, four stay. On a busy machine they do more than their half.
        assert 4 + 10 < server.connections < counts.requests - 10


def test_a_kept_connection_that_was_closed_in_peace_is_no_loss() -> None:
    polite = says("200 OK", "Connection: close\r\n")
    with serving(polite) as server:
        with Traffic(server.url, rate=200, keep_alive="always") as traffic:
            counts = after(traffic, 40)
        assert server.connections == counts.requests
    assert counts.lost == 0


@pytest.mark.parametrize(("keep_alive", "kept"), [("always", True), ("never", False)])
def test_a_loss_on_a_kept_connection_says_so(keep_alive: KeepAlive, kept: bool) -> None:
    with (
        serving(*[FINE] * 20, closes, FINE) as server,
        Traffic(server.url, rate=200, keep_alive=keep_alive) as traffic,
    ):
        after(traffic, 30)
    assert [loss.reason.endswith(" on a kept connection") for loss in traffic.lost] == [kept]


def test_the_rate_is_kept() -> None:
    with serving(FINE) as server:
        start = time.monotonic()
        with Traffic(server.url, rate=50) as traffic:
            counts = after(traffic, 50)
        assert counts.requests <= 50 * (time.monotonic() - start) + 8


def test_counts_since_an_earlier_moment() -> None:
    earlier = Counts(requests=5, served=3, no_node_yet=2, nodes={"s1": 3})
    later = Counts(requests=9, served=6, no_node_yet=2, lost=1, nodes={"s1": 3, "s2": 3})
    gone = later.since(earlier)
    assert (gone.requests, gone.served, gone.no_node_yet, gone.lost) == (4, 3, 0, 1)
    assert gone.nodes == {"s2": 3}


@pytest.mark.parametrize("url", ["http://192.0.2.1/", "http://example.com/", "https://localhost/"])
def test_only_plain_http_on_loopback_is_a_target(url: str) -> None:
    with pytest.raises(ValueError, match=r"loopback|no http://"):
        Traffic(url)


def test_another_target_is_taken_when_asked_for() -> None:
    Traffic("http://192.0.2.1/", anywhere=True)


@pytest.mark.parametrize("rate", [0, -1, 20_000, float("nan")])
def test_a_rate_must_be_bounded(rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        Traffic("http://127.0.0.1/", rate=rate)
