"""When a node began or ceased to answer: told from answers, and by a reader of a real server."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lbdisc.testing.processes import free_port
from lbdisc_compare.traffic.reader import AnswerReader, NeverSeen
from lbdisc_compare.traffic.sightings import Sighting, Spotter, fades, first, last, rises


def moment(sought: Sighting, answers: str) -> float | None:
    """What is found in answers of nodes of one letter; ``-`` is none. The times are 0, 1, 2, …"""
    spotter = Spotter(sought)
    found = (spotter.saw(a.replace("-", ""), float(at)) for at, a in enumerate(answers))
    return next((at for at in found if at is not None), None)


@pytest.mark.parametrize(
    ("sought", "answers", "at"),
    [
        (first("b"), "aa-ab", 4.0),
        (first("b"), "aaaa", None),
        (first(), "--a", 2.0),
        (rises("b"), "baaabaaaaabab", 10.0),
        (rises("b"), "baaaabaaaab", None),
        (last("b"), "bab" + "a" * 200, 3.0),
        (last("b"), "bab" + "a" * 199, None),
        (fades("b"), "abab" + "a" * 24 + "b" + "a" * 25, 29.0),
        (fades("b"), "abab" + "a" * 25 + "b", 4.0),
        (fades("b"), "a" * 60, None),
    ],
)
def test_a_sighting_is_found_in_a_row_of_answers(
    sought: Sighting, answers: str, at: float | None
) -> None:
    assert moment(sought, answers) == at


class OneNode(ThreadingHTTPServer):
    """Answers by the name that ``node`` has at the time; with 503 where it has none."""

    node = "s1"
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def become(self, name: str) -> None:
        self.node = name


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        node = self.server.node  # type: ignore[attr-defined]
        self.send_response(200 if node else 503)
        self.send_header("X-Node", node or "s1")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[OneNode]:
    with OneNode() as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


@pytest.fixture
def reader(server: OneNode) -> Iterator[AnswerReader]:
    with AnswerReader("127.0.0.1", server.port) as reading:
        yield reading


def test_the_first_answer_is_after_the_change(server: OneNode, reader: AnswerReader) -> None:
    began, seen = reader.took(first("s2"), lambda: server.become("s2"))
    assert seen.at > began
    assert seen.every > 0


def test_the_last_answer_is_told_once_others_have_followed(
    server: OneNode, reader: AnswerReader
) -> None:
    began, seen = reader.took(last("s1"), lambda: server.become("s2"))
    assert abs(seen.at - began) < 5


def test_an_answer_that_is_no_good_one_names_nobody(server: OneNode, reader: AnswerReader) -> None:
    server.become("")
    with pytest.raises(NeverSeen, match="no such answer"):
        reader.until(first("s1"), limit=0.1)


def test_who_does_not_answer_cannot_cease_to(reader: AnswerReader) -> None:
    with pytest.raises(NeverSeen, match="s3 did not answer"):
        reader.begin(last("s3"), limit=0.1)
    assert reader.until(first("s1")).at > 0


def test_a_balancer_may_come_later_than_its_reader() -> None:
    port = free_port()
    with AnswerReader("127.0.0.1", port) as reader:
        reader.begin(first())
        with OneNode(port) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            assert reader.end().at > 0
            server.shutdown()
            thread.join()
