"""Whether a draining server still has sessions, as real HAProxys of each version tell it."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from threading import Event, Thread
from typing import Any

import pytest

from lbdisc import Endpoint
from lbdisc.haproxy.drains import HaproxyDrains
from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.sockets import commands as cmd
from lbdisc.haproxy.versions import NAMES_ARE_UNIQUE
from lbdisc.testing.waiting import eventually
from support.haproxies import VERSIONS, Place, Running, free_port, place

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.fixture(params=VERSIONS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


class Origin:
    """A server that answers once it may."""

    def __init__(self) -> None:
        self.may_answer = Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.endpoint = Endpoint(
            service="b", name="a", address="127.0.0.1", port=self.port, state="draining"
        )
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(ConnectionResetError):  # HAProxy may have gone
            connection.recv(4096)
            self.may_answer.wait(30)
            connection.sendall(ANSWER)

    def close(self) -> None:
        self.may_answer.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def origin() -> Iterator[Origin]:
    with closing(Origin()) as made:
        yield made


class Scene:
    """A HAProxy in front of ``origin``, what `lbdisc` knows of it, and who looks at it."""

    def __init__(self, running: Running, text: str, port: int, origin: Origin) -> None:
        self.running, self.text, self.port, self.origin = running, text, port, origin
        self.drains = HaproxyDrains(str(running.managed.master.address))
        self.live = self._live(text)

    def _live(self, text: str) -> Live:
        pid = self.running.runtime.info().pid
        return Live(pid, text, parse(text), self.running.runtime.features(), lambda: 0.0)

    def request(self) -> http.client.HTTPConnection:
        """A request under way."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        client.request("GET", "/", headers={"Cookie": "to=a"})
        return client

    def until_busy(self) -> None:
        eventually(
            lambda: any(
                row.sessions for row in self.running.runtime.stats() if row.kind == "server"
            )
        )

    def over(self, **changes: Any) -> bool:
        """The second of two looks, for the origin's endpoint with ``changes``."""
        endpoint = replace(self.origin.endpoint, **changes)
        self.drains.over(self.live, [endpoint])
        return bool(self.drains.over(self.live, [endpoint]))

    def reload(self) -> None:
        self.running.reload(self.text)
        self.running.runtime.close()
        self.live = self._live(self.text)


@contextmanager
def scene(here: Place, origin: Origin, *servers: str, frontend: str = "f") -> Iterator[Scene]:
    port = free_port()
    lines = "".join(f"  {server}\n".format(port=origin.port) for server in servers)
    text = here.text(
        f"frontend {frontend}\n  bind 127.0.0.1:{port}\n  default_backend b\n"
        f"backend b\n  cookie to insert\n{lines}"
    )
    with here.running(text) as running:
        yield Scene(running, text, port, origin)


@contextmanager
def draining(
    here: Place, origin: Origin, server: str = "server a", frontend: str = "f"
) -> Iterator[Scene]:
    """With a request under way on a server at weight 0, by its cookie."""
    line = f"{server} 127.0.0.1:{{port}} weight 0 cookie a"
    with scene(here, origin, line, frontend=frontend) as made, closing(made.request()):
        made.until_busy()
        yield made


def test_a_session_counts_until_it_has_ended(here: Place, origin: Origin) -> None:
    with draining(here, origin) as made:
        assert not made.over()
        origin.may_answer.set()
        eventually(made.over)


def test_a_session_of_a_replaced_worker_counts(here: Place, origin: Origin) -> None:
    with draining(here, origin) as made:
        made.reload()
        assert not made.over()
        origin.may_answer.set()
        eventually(made.over)


def test_a_frontend_of_the_same_name_hides_nothing(here: Place, origin: Origin) -> None:
    if here.numbers >= NAMES_ARE_UNIQUE:
        return  # it does not start
    with draining(here, origin, frontend="b") as made:
        assert not made.over()
        origin.may_answer.set()
        eventually(made.over)


SLOT = "server-template n 1"


@pytest.mark.parametrize(
    ("server", "changes"),
    [
        ("server a", {"port": 1}),
        ("server a", {"port": 1, "service": "other"}),
        ("server a", {"port": 1, "address": "app.internal"}),
        (SLOT, {}),
        (SLOT, {"port": 1}),
    ],
)
def test_sessions_count_whatever_port_or_name_the_template_gives(
    here: Place, origin: Origin, server: str, changes: dict[str, Any]
) -> None:
    with draining(here, origin, server) as made:
        assert not made.over(**changes)
        made.reload()
        assert not made.over(**changes)
        origin.may_answer.set()
        eventually(lambda: made.over(**changes))


def test_servers_that_serve_others_on_the_host_do_not_count(here: Place, origin: Origin) -> None:
    server = "server a 127.0.0.1:{port} cookie a"
    with scene(here, origin, server) as made, closing(made.request()):
        made.until_busy()
        assert made.over(port=1, name="c")
        assert made.over(port=1, service="other")
        assert not made.over(port=1)


def test_a_worker_that_is_asked_after_a_reload_by_another_tells_nothing(
    here: Place, origin: Origin
) -> None:
    with scene(here, origin, "server a 127.0.0.1:{port} weight 0") as made:
        assert made.over()
        made.running.reload(made.text)
        assert not made.over()


def test_sessions_that_still_come_are_seen_between_two_looks(here: Place, origin: Origin) -> None:
    origin.may_answer.set()
    with scene(here, origin, "server a 127.0.0.1:{port} weight 0 cookie a") as made:
        assert made.over()
        with closing(made.request()) as client:
            assert client.getresponse().status == 200
        eventually(lambda: not any(row.sessions for row in made.running.runtime.stats()))
        assert not made.drains.over(made.live, [origin.endpoint])
        assert made.over()


def test_a_server_with_weight_is_not_draining(here: Place, origin: Origin) -> None:
    with scene(here, origin, "server a 127.0.0.1:{port}") as made:
        assert not made.over()
    with scene(
        here, origin, "server a 127.0.0.1:{port} weight 0", "server other 127.0.0.1:{port}"
    ) as made:
        assert made.over()


def test_a_server_that_was_left_out_counts_in_maintenance(here: Place, origin: Origin) -> None:
    with draining(here, origin) as made:
        made.live.in_maintenance = made.live.model.servers
        made.live.model = parse(here.text("backend b\n"))
        made.running.runtime.run([cmd.SetState("b", "a", "maint")])
        assert not made.over()
        origin.may_answer.set()
        eventually(made.over)


def test_without_a_runtime_socket_the_master_tells(here: Place, origin: Origin) -> None:
    with draining(here, origin) as made:
        made.live.model = parse(made.text.replace("stats socket", "# stats socket"))
        assert not made.over()
        origin.may_answer.set()
        eventually(made.over)


def test_a_haproxy_that_is_gone_has_drained_nothing(here: Place, origin: Origin) -> None:
    with scene(here, origin, "server a 127.0.0.1:{port} weight 0") as made:
        assert made.over()
        made.running.managed.stop(soft=0, limit=5)
        assert not made.over()
