"""Servers that leave real HAProxys: what runs on them ends by itself, what comes goes elsewhere."""

import http.client
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from lbdisc.haproxy.errors import Occupied
from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.sockets import commands as cmd
from lbdisc.testing.waiting import eventually
from support.answering import Answering
from support.haproxies import VERSIONS, Place, Running, free_port, place

CUTS = "on-marked-down shutdown-sessions"


class Scene:
    """A HAProxy of one version before servers ``a`` and ``b``, changed as lbdisc does."""

    def __init__(self, here: Place, stack: ExitStack) -> None:
        self._here, self._stack = here, stack
        self.port = free_port()
        self.a, self.b = (stack.enter_context(Answering()) for _ in "ab")
        self.now = 0.0

    def text(self, *servers: str, proxy: str = "") -> str:
        lines = "".join(f"  server {server}\n" for server in servers)
        lines = lines.replace("AT_A", f"127.0.0.1:{self.a.port}")
        lines = lines.replace("AT_B", f"127.0.0.1:{self.b.port}")
        front = f"frontend f\n  bind 127.0.0.1:{self.port}\n  default_backend w\n"
        return self._here.text(f"{front}backend w\n{proxy}{lines}")

    def start(self, text: str) -> None:
        self.running: Running = self._stack.enter_context(self._here.running(text))
        self.live = self._known(text)

    def _known(self, text: str) -> Live:
        pid, features = self.running.runtime.info().pid, self.running.runtime.features()
        live = Live(pid, text, parse(text), features, lambda: self.now)
        self._stack.callback(live.close)
        return live

    def bring(self, text: str) -> str:
        """How lbdisc comes to ``text``: at run time, or by a reload."""
        found = self.live.plan(text, max_changes=9)
        if found.how == "runtime":
            self.live.bring(found, text, parse(text))
        else:
            self.live.close()
            self.running.reload(text)
            self.live = self._known(text)
        return found.how

    def asked(self, cookie: str = "") -> http.client.HTTPConnection:
        """A request under way."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self._stack.enter_context(closing(client))
        client.request("GET", "/", headers={"Cookie": cookie} if cookie else {})
        return client

    def served_by(self, cookie: str = "") -> int:
        response = self.asked(cookie).getresponse()
        assert response.status == 200, response.status
        return int(response.read())

    def status(self, server: str) -> str:
        rows = self.running.runtime.stats("w")
        return next((row.status for row in rows if row.name == server), "gone")


@pytest.fixture(params=VERSIONS)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    with place(request.param) as here, ExitStack() as stack:
        yield Scene(here, stack)


def busy(
    scene: Scene, server: str = f"a AT_A {CUTS}", proxy: str = ""
) -> http.client.HTTPConnection:
    """A request that runs on ``a``, and then ``b`` besides."""
    scene.start(scene.text(server, proxy=proxy))
    scene.a.may_answer.clear()
    client = scene.asked()
    eventually(lambda: scene.a.requests)
    scene.bring(scene.text(server, "b AT_B", proxy=proxy))
    return client


def done(scene: Scene, client: http.client.HTTPConnection) -> tuple[int, bytes]:
    scene.a.may_answer.set()
    response = client.getresponse()
    return response.status, response.read()


def test_maintenance_cuts_where_marks_say_so(scene: Scene) -> None:
    """Why that is another way to leave: 502, or from 3.0 on nothing at all."""
    client = busy(scene)
    scene.running.runtime.run([cmd.SetState("w", "a", "maint")])
    with suppress(http.client.RemoteDisconnected):
        assert client.getresponse().status == 502


@pytest.mark.parametrize("server", [f"a AT_A {CUTS}", "a AT_A"])
@pytest.mark.parametrize(
    "proxy", ["", "  cookie S insert\n", "  option persist\n", "  retries 0\n"]
)
def test_a_request_that_runs_while_its_server_leaves_is_answered(
    scene: Scene, server: str, proxy: str
) -> None:
    client = busy(scene, server, proxy)
    scene.bring(scene.text("b AT_B", proxy=proxy))
    scene.live.end_leaves()
    assert scene.served_by() == scene.b.port
    assert done(scene, client) == (200, str(scene.a.port).encode())


def test_a_server_that_waited_goes_into_maintenance_with_its_last_session(scene: Scene) -> None:
    client = busy(scene)
    assert scene.bring(scene.text("b AT_B")) == "runtime"
    scene.live.end_leaves()
    assert list(scene.live.leaving) == [("w", "a")]
    assert scene.live.compared(scene.live.model) == ""
    done(scene, client)

    def left() -> bool:
        scene.live.end_leaves()
        return not scene.live.leaving

    eventually(left)
    assert scene.status("a") == "MAINT"
    assert list(scene.live.in_maintenance) == [("w", "a")]


def test_a_check_that_fails_while_a_server_leaves_cuts_nobody(scene: Scene) -> None:
    server = f"a AT_A {CUTS} check addr 127.0.0.1 inter 20ms fall 1 port"
    with Answering() as checked:
        client = busy(scene, f"{server} {checked.port}")
        scene.bring(scene.text("b AT_B"))
    # Others' checks tell that the time of several has passed.
    scene.bring(scene.text("b AT_B", "c 127.0.0.1:1 check inter 20ms fall 3"))
    eventually(lambda: scene.status("c") == "DOWN")
    assert done(scene, client)[0] == 200


def test_a_server_that_comes_back_while_it_waits_is_checked_and_serves(scene: Scene) -> None:
    server = f"a AT_A {CUTS} check inter 1s"
    client = busy(scene, server)
    both, one = scene.text(server, "b AT_B"), scene.text("b AT_B")
    assert [scene.bring(one), scene.bring(both)] == ["runtime", "runtime"]
    assert scene.live.compared(scene.live.model) == ""
    assert done(scene, client)[0] == 200
    assert {scene.served_by() for _ in range(4)} == {scene.a.port, scene.b.port}


def test_one_that_never_ends_is_told_after_a_limit(scene: Scene) -> None:
    busy(scene)
    scene.bring(scene.text("b AT_B"))
    scene.now = 10
    scene.live.end_leaves()
    assert [scene.live.waits_too_long(limit) for limit in (9, 11, 0, None)] == ["w/a", "", "", ""]


COOKIE = "  cookie S insert indirect nocache\n"
STICK = "  stick-table type string len 9 size 1k\n  stick on req.cook(S)\n"


@pytest.mark.parametrize("proxy", [COOKIE, COOKIE.replace(" insert", " preserve insert"), STICK])
@pytest.mark.parametrize("keeps", ["", "  option persist\n", "  force-persist if TRUE\n"])
@pytest.mark.parametrize("server", ["a AT_A cookie a", f"a AT_A cookie a {CUTS}"])
def test_a_client_of_a_server_that_left_is_served_by_another(
    scene: Scene, proxy: str, keeps: str, server: str
) -> None:
    both, one = ((server, "b AT_B cookie b"), ("b AT_B cookie b",))
    scene.start(scene.text(*both, proxy=proxy + keeps))
    before = {scene.served_by("S=a") for _ in range(4)}
    assert len(before) == 1
    gone = one if before == {scene.a.port} else (server,)
    scene.bring(scene.text(*gone, proxy=proxy + keeps))
    assert scene.served_by("S=a") not in before


def test_maintenance_alone_would_keep_clients_that_persist(scene: Scene) -> None:
    """Why that is a reload."""
    proxy = f"{COOKIE}  option persist\n  timeout connect 100ms\n"
    scene.start(scene.text("a AT_A cookie a", "b AT_B cookie b", proxy=proxy))
    scene.running.runtime.run([cmd.SetState("w", "a", "maint")])
    assert scene.served_by("S=a") == scene.a.port


@pytest.mark.parametrize("redispatch", ["option redispatch", "no option redispatch"])
def test_a_request_in_the_queue_of_a_server_that_leaves_is_answered(
    scene: Scene, redispatch: str
) -> None:
    proxy = f"  {redispatch}\n  timeout queue 20s\n"
    a, b = "a AT_A maxconn 1", "b AT_B maxconn 9"
    scene.start(scene.text(a, proxy=proxy))
    scene.a.may_answer.clear()
    running = scene.asked()
    eventually(lambda: scene.a.requests)
    queued = scene.asked()
    eventually(lambda: any(row.queued for row in scene.running.runtime.stats("w")))
    scene.bring(scene.text(a, b, proxy=proxy))
    scene.bring(scene.text(b, proxy=proxy))
    assert done(scene, running)[0] == 200
    assert queued.getresponse().status == 200


def test_a_server_that_comes_up_cuts_no_backup_sessions(scene: Scene) -> None:
    up = "on-marked-up shutdown-backup-sessions"
    client = busy(scene, "a AT_A backup")
    scene.bring(scene.text("a AT_A backup", "b AT_B", f"c AT_B {up}"))
    assert done(scene, client)[0] == 200


MODES = ["http-reuse never", "http-reuse safe", "http-reuse aggressive", "http-reuse always"]
CLOSING = ["option http-server-close", "option httpclose", "option prefer-last-server"]


@pytest.mark.parametrize("mode", MODES + CLOSING)
def test_nothing_goes_to_the_old_address_of_a_server_that_moved(scene: Scene, mode: str) -> None:
    proxy = f"  {mode}\n"
    scene.start(scene.text("a AT_A", proxy=proxy))
    scene.a.may_answer.clear()
    client = scene.asked()
    eventually(lambda: scene.a.requests)
    scene.bring(scene.text("a AT_B", proxy=proxy))
    assert done(scene, client)[0] == 200
    for _ in range(3):
        client.request("GET", "/")
        assert int(client.getresponse().read()) == scene.b.port
    assert scene.served_by() == scene.b.port


def test_a_slot_is_filled_anew_when_its_last_request_has_ended(scene: Scene) -> None:
    scene.start(scene.text("a AT_A", "b AT_B"))
    scene.a.may_answer.clear()
    clients = [scene.asked()]
    while not scene.a.requests:  # from 3.3 on HAProxy draws who gets one
        clients.append(scene.asked())
        eventually(lambda: scene.a.requests or scene.b.requests >= len(clients))
    assert scene.bring(scene.text("a AT_A disabled", "b AT_B")) == "runtime"
    filled = scene.text("a AT_B", "b AT_B")
    if not scene.live.features.pools_by_address:
        with pytest.raises(Occupied):
            scene.bring(filled)
    assert {done(scene, client)[0] for client in clients} == {200}

    def fills() -> bool:
        try:
            return scene.bring(filled) == "runtime"
        except Occupied:
            return False

    eventually(fills)
    answers = [scene.served_by() for _ in range(4)]
    assert set(answers) == {scene.b.port}
