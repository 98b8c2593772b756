"""A load on real sockets: what is sent, what is lost and why, and that it ends."""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from lbdisc_compare.traffic.asked import SentRequest, bursts, during, losses, read
from lbdisc_compare.traffic.load import BODY, Errand, load


class _Web(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    status = 200
    cut = False

    def do_GET(self) -> None:
        self.server.seen[self.path, self.headers["connection"]] += 1  # type: ignore[attr-defined]
        self.server.clients.add(self.client_address)  # type: ignore[attr-defined]
        self.send_response(self.status)
        self.send_header("x-node", "n1")
        self.send_header("content-length", "4")
        self.end_headers()
        if self.cut and self.path.startswith("/stream"):
            self.wfile.write(b"ha")
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(b"half")

    def do_POST(self) -> None:
        assert self.rfile.read(int(self.headers["content-length"])) == BODY
        self.do_GET()

    def log_message(self, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    seen: Counter[tuple[str, str | None]]
    clients: set[object]


@contextmanager
def web(status: int = 200, *, cut: bool = False) -> Iterator[_Server]:
    handler = type("Web", (_Web,), {"status": status, "cut": cut})
    with _Server(("127.0.0.1", 0), handler) as server:
        server.seen, server.clients = Counter(), set()
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def errand(folder: Path, *ports: int, rate: float = 200) -> Errand:
    seats = [(f"b{number}", "127.0.0.1", port) for number, port in enumerate(ports, 1)]
    return Errand(seats=seats, file=str(folder / "load"), rate=rate, long=0.1)


def sent(given: Errand, count: int) -> list[SentRequest]:
    with load(given) as running:
        eventually(lambda: len(read(running.file)) >= count)
        return running.stop()


def test_all_four_kinds_are_sent_and_answered(tmp_path: Path) -> None:
    with web() as server:
        requests = sent(errand(tmp_path, server.server_port), 100)
    assert set(losses(requests)) == {"new", "kept", "long", "post"}
    assert all(lost == 0 for lost, _ in losses(requests).values())
    assert {one.node for one in requests} == {"n1"}
    assert server.seen["/stream?ms=100", "close"] > 0
    assert server.seen["/", "close"] > 0


def test_kept_connections_are_used_again(tmp_path: Path) -> None:
    with web() as server:
        requests = sent(errand(tmp_path, server.server_port), 200)
    kept = sum(one.kind in ("kept", "post") for one in requests)
    assert kept > 50
    assert len(server.clients) < len(requests) - kept / 2


def test_seats_take_turns(tmp_path: Path) -> None:
    with web() as one, web() as two:
        requests = sent(errand(tmp_path, one.server_port, two.server_port), 100)
    found = Counter(request.seat for request in requests)
    assert abs(found["b1"] - found["b2"]) <= len(requests) / 4


def test_an_answer_that_is_no_success_is_lost(tmp_path: Path) -> None:
    with web(503) as server:
        requests = sent(errand(tmp_path, server.server_port), 40)
    assert {one.why for one in requests} == {"status 503"}
    assert all(lost == count for lost, count in losses(requests).values())


def test_half_an_answer_is_lost(tmp_path: Path) -> None:
    with web(cut=True) as server:
        requests = sent(errand(tmp_path, server.server_port), 60)
    assert {one.why for one in requests if one.kind == "long"} == {"answer cut short"}
    assert losses(requests)["new"][0] == 0


def test_nobody_there_is_lost_as_refused(tmp_path: Path) -> None:
    requests = sent(errand(tmp_path, free_port()), 40)
    assert {one.why for one in requests} == {"refused"}
    assert next(burst.seat for burst in bursts(requests)) == "b1"
    assert sum(burst.count for burst in bursts(requests)) == len(requests)


def test_who_was_open_when_a_time_began_belongs_to_it() -> None:
    one = SentRequest(10.0, "long", "b1", "n1", "", 1.5, 0.0)
    assert during([one], 11, 12) == [one]
    assert during([one], 11.6, 12) == []
    assert during([one], 9, 10) == []


def test_a_load_without_a_bound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bad rate 1e\\+06: above 0 and up to 2000"):
        errand(tmp_path, 1, rate=1e6)
