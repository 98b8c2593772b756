"""What HAProxy's own checks say of servers, as real HAProxys of each version tell it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

from lbdisc import Endpoint
from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.observing import HaproxyHealth
from lbdisc.observed import ServerLoad
from lbdisc.testing.waiting import eventually
from support.haproxies import VERSIONS, Place, Running, free_port, place


class _Odd(BaseHTTPRequestHandler):
    """Knows GET alone; its answer to anything else holds what looks like the end of a line."""

    def do_GET(self) -> None:
        self.send_response_only(200)
        self.end_headers()

    def do_HEAD(self) -> None:
        self.send_response_only(501, "No\x0bsuch\x85method")
        self.end_headers()

    do_OPTIONS = do_PUT = do_HEAD

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Odd) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(params=VERSIONS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


class Scene:
    """A HAProxy, what lbdisc knows of it, and who asks it."""

    def __init__(self, running: Running, text: str) -> None:
        self.running = running
        self.observer = HaproxyHealth(str(running.managed.master.address))
        pid = running.runtime.info().pid
        self.live = Live(pid, text, parse(text), running.runtime.features(), lambda: 0.0)

    def says(self, port: int, name: str = "s1") -> tuple[str, str]:
        endpoint = Endpoint(service="b", name=name, address="127.0.0.1", port=port)
        [found] = self.observer.health(self.live, [endpoint])
        assert found.endpoint == endpoint
        return found.state, found.why

    def load(self, port: int) -> ServerLoad | None:
        endpoint = Endpoint(service="c", name="s1", address="127.0.0.1", port=port)
        return self.observer.health(self.live, [endpoint])[0].load


@contextmanager
def scene(here: Place, body: str) -> Iterator[Scene]:
    front = f"frontend f\n  bind 127.0.0.1:{free_port()}\n  default_backend b\n"
    text = here.text(f"{front}{body}")
    with here.running(text) as running:
        yield Scene(running, text)


FAST = "  default-server inter 50ms fall 1 rise 1\n"


def test_what_answers_is_up_and_what_refuses_is_down(here: Place, web: int) -> None:
    nobody = free_port()
    servers = f"  server s1 127.0.0.1:{web} check\n  server s2 127.0.0.1:{nobody} check\n"
    with scene(here, f"backend b\n{FAST}{servers}") as it:
        eventually(lambda: it.says(web) == ("up", ""))
        eventually(lambda: it.says(nobody) == ("down", "connection refused"))


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("option httpchk HEAD /", "HTTP 501 to HEAD /"),
        ("option httpchk HEAD /up HTTP/1.0", "HTTP 501 to HEAD /up"),
        ("option httpchk /up", "HTTP 501 to OPTIONS /up"),
        ("option httpchk\n  http-check send meth PUT uri /x", "HTTP 501 to PUT /x"),
    ],
)
def test_a_wrong_status_is_told_with_what_was_asked(
    here: Place, web: int, lines: str, why: str
) -> None:
    with scene(here, f"backend b\n{FAST}  {lines}\n  server s1 127.0.0.1:{web} check\n") as it:
        eventually(lambda: it.says(web) == ("down", why))


def test_without_a_check_there_is_no_evidence(here: Place) -> None:
    with scene(here, "backend b\n  server s1 127.0.0.1:9\n  server d 127.0.0.1:8 weight 0\n") as it:
        assert it.says(9) == ("unchecked", "")
        assert it.says(8) == ("unchecked", "")


def test_maintenance_is_no_failure(here: Place, web: int) -> None:
    with scene(here, f"backend b\n{FAST}  server s1 127.0.0.1:{web} check disabled\n") as it:
        assert it.says(web) == ("maintenance", "")


def test_up_in_one_proxy_is_up(here: Place, web: int) -> None:
    asked = f"{FAST}  option httpchk HEAD /\n  server s1 127.0.0.1:{web} check\n"
    other = f"backend c\n{FAST}  server other 127.0.0.1:{web} check\n"
    with scene(here, f"backend b\n{asked}{other}") as it:
        eventually(lambda: it.running.runtime.stats("b")[-1].status == "DOWN")
        assert it.says(web)[0] == "up"


def test_what_drains_keeps_its_health(here: Place, web: int) -> None:
    nobody = free_port()
    servers = (
        f"  server s1 127.0.0.1:{web} check weight 0\n"
        f"  server s2 127.0.0.1:{nobody} check weight 0\n"
    )
    with scene(here, f"backend b\n{FAST}{servers}") as it:
        eventually(lambda: it.says(web) == ("up", ""))
        eventually(lambda: it.says(nobody)[0] == "down")


def test_requests_and_errors_are_counted_for_each_server(here: Place, web: int) -> None:
    ports, nobody = (free_port(), free_port()), free_port()
    proxies = "".join(
        f"listen {name}\n  mode http\n  bind 127.0.0.1:{port}\n  retries 0\n"
        f"  server s1 127.0.0.1:{at}\n"
        for name, port, at in zip(("good", "bad"), ports, (web, nobody), strict=True)
    )
    with scene(here, f"{proxies}backend b\n") as it:
        asked = [
            [httpx.get(f"http://127.0.0.1:{port}/").status_code for _ in range(2)] for port in ports
        ]
        good, bad = it.load(web), it.load(nobody)
    assert asked == [[200] * 2, [503] * 2]
    assert good == ServerLoad(requests=2)
    assert bad is not None
    assert bad.errors >= 2


def test_a_slot_of_a_server_template_is_found_by_its_address(here: Place, web: int) -> None:
    slots = f"  server-template slot 1-2 127.0.0.1:{web} check\n"
    with scene(here, f"backend b\n{FAST}{slots}") as it:
        eventually(lambda: it.says(web) == ("up", ""))


def test_what_is_not_balanced_is_not_known(here: Place) -> None:
    with scene(here, "backend b\n  server s1 127.0.0.1:9\n") as it:
        assert it.says(10, "s2") == ("unknown", "no server")


def test_a_haproxy_that_is_gone_says_nothing(here: Place) -> None:
    with scene(here, "backend b\n  server s1 127.0.0.1:9\n") as it:
        it.running.managed.stop(soft=0, limit=5)
        state, why = it.says(9)
        assert state == "unknown"
        assert "nothing answers" in why
    assert HaproxyHealth("").health(None, []) == ()
