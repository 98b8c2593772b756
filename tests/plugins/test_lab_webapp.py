"""The lab's web app as a process of its own, asked as a balancer and a browser would."""

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lbdisc.testing.processes import Process, accepts, free_port
from lbdisc_lab.sessions import COOKIE, Sessions


class App:
    """A running web app and a client that keeps cookies."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "lbdisc_lab.webapp", "--port", str(self.port)]
        self.process = Process(
            [*command, "--address", "127.0.0.1", "--name", "s1"],
            log=folder / "webapp.log",
            ready=lambda: accepts(self.port),
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False)

    def delay(self, content: str) -> httpx.Response:
        return self.client.post("/delay", content=content)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("webapp"))
    with app.process, app.client:
        yield app


@pytest.fixture
def own_app(tmp_path: Path) -> Iterator[App]:
    app = App(tmp_path)
    with app.process, app.client:
        yield app


def test_it_tells_which_node_answers(app: App) -> None:
    answer = app.client.get("/")
    told = answer.json()
    assert list(told) == ["hello", "ip", "host", "sessionViews", "id"]
    assert (told["ip"], told["host"]) == ("127.0.0.1", "s1")
    assert answer.headers["x-backend-ip"] == "127.0.0.1"
    assert answer.cookies[COOKIE] == told["id"]


def test_without_an_address_it_tells_the_one_it_was_asked_at(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "lbdisc_lab.webapp", "--port", str(port)]
    with Process(command, log=tmp_path / "webapp.log", ready=lambda: accepts(port)):
        for address in ("127.0.0.1", "127.0.0.2"):
            answer = httpx.get(f"http://{address}:{port}/", trust_env=False)
            assert answer.headers["x-backend-ip"] == answer.json()["ip"] == address


def test_visits_are_counted_for_each_session(app: App) -> None:
    app.client.cookies.clear()
    first = [app.client.get("/").json() for _ in range(3)]
    app.client.cookies.clear()
    other = app.client.get("/").json()
    assert [told["sessionViews"] for told in first] == [1, 2, 3]
    assert other["sessionViews"] == 1
    assert len({told["id"] for told in first}) == 1
    assert other["id"] != first[0]["id"]


def test_a_session_of_the_clients_own_making_is_not_taken_over(app: App) -> None:
    told = httpx.get(f"{app.client.base_url}", cookies={COOKIE: "mine"}, trust_env=False).json()
    assert told["id"] != "mine"


def test_a_check_gets_no_body_and_no_session(app: App) -> None:
    answer = app.client.head("/")
    assert answer.status_code == 200
    assert answer.content == b""
    assert "set-cookie" not in answer.headers


def test_a_delay_slows_answers_and_checks_until_it_is_taken_back(app: App) -> None:
    assert app.delay('{"delay": 2000}').json() == {"delay": 2000}
    for method in ("GET", "HEAD"):
        with pytest.raises(httpx.ReadTimeout):
            app.client.request(method, "/", timeout=0.3)
    app.delay('{"delay": 0}')
    assert app.client.get("/").status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        "",
        "later",
        "[1]",
        "{}",
        '{"delay": -1}',
        '{"delay": 60001}',
        '{"delay": true}',
        '{"delay": 1.5}',
        '{"delay": "5"}',
        '{"delay": NaN}',
        "[" * 1000,
        '{"delay": 1' + " " * 2000 + "}",
    ],
)
def test_a_wrong_delay_is_refused_in_one_line_and_changes_nothing(app: App, content: str) -> None:
    answer = app.delay(content)
    assert answer.status_code == 400
    assert answer.text.endswith("a whole number from 0 to 60000\n")
    assert answer.text.count("\n") == 1
    assert app.client.get("/", timeout=5).status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/x", 404), ("PUT", "/", 405)])
def test_what_it_does_not_know_is_refused(app: App, method: str, path: str, status: int) -> None:
    assert app.client.request(method, path).status_code == status


def test_it_answers_open_requests_before_it_stops(own_app: App) -> None:
    own_app.delay('{"delay": 1000}')
    with socket.create_connection(("127.0.0.1", own_app.port), timeout=30) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: site\r\n\r\n")
        # What comes later on a newer connection is read later: the slow request is in.
        httpx.post(f"{own_app.client.base_url}/delay", content="{}", trust_env=False)
        own_app.process.send(signal.SIGTERM)
        answer = b"".join(iter(lambda: slow.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert own_app.process.wait() == 0


def test_a_taken_port_ends_it_with_a_failure(app: App, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lbdisc_lab.webapp", "--port", str(app.port)]
    second = Process([*command, "--address", "127.0.0.1"], log=tmp_path / "second.log").start()
    assert second.wait() != 0
    assert "address already in use" in second.log_tail()


@pytest.mark.parametrize("arguments", [["--port", "0"], ["--port", "70000"], ["--address", "x"]])
def test_wrong_arguments_are_named(tmp_path: Path, arguments: list[str]) -> None:
    process = Process(
        [sys.executable, "-m", "lbdisc_lab.webapp", *arguments], log=tmp_path / "log"
    ).start()
    assert process.wait() == 2
    assert arguments[0] in process.log_tail()


def test_sessions_are_bounded_and_the_unused_go_first() -> None:
    sessions = Sessions(most=2)
    kept, _ = sessions.visit(None)
    forgotten, _ = sessions.visit(None)
    assert sessions.visit(kept) == (kept, 2)
    sessions.visit(None)
    assert sessions.visit(kept) == (kept, 3)
    assert sessions.visit(forgotten)[0] != forgotten
