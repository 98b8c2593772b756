"""More that wakes people up, from around lbdisc: certificates, sockets, clocks, passwords."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lbdisc import atomic
from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers import etcd
from lbdisc_lab.servers.certificates import Authority, Certificate
from support.asking import Asker
from support.attached import Attached
from support.on_call import DEGRADED, FAILED, GOOD, MOST, agent, known, scene
from support.stage import Stage

__all__ = ["agent", "scene"]
pytestmark = pytest.mark.timeout(240)
DAY = timedelta(days=1)


@pytest.fixture
def on_call(scene: Stage, agent: Process) -> Iterator[Asker]:
    made = Asker(scene.settings, scene.page)
    yield made
    assert len(made.asked) <= MOST


def expired(folder: Path, name: str) -> tuple[Authority, Certificate]:
    """A certificate that ended yesterday, and who signed it."""
    authority = Authority(folder / f"{name}-authority")
    now = datetime.now(UTC)
    return authority, authority.issue(name, name, begins=now - 30 * DAY, expires=now - DAY)


def with_tls(scene: Stage, pem: Path) -> None:
    """HAProxy takes clients at another port as well, with that certificate."""
    binds = [f"127.0.0.1:{scene.port}", f"127.0.0.1:{free_port()} ssl crt {pem}"]
    scene.change(vars={"http_bind": binds})


def test_the_certificate_of_haproxy_has_expired(scene: Stage, on_call: Asker) -> None:
    pem = scene.folder / "site.pem"
    pem.write_text(expired(scene.folder, "site")[1].pem)
    with_tls(scene, pem)
    words = known(": expired on ")
    told = on_call.until("doctor", FAILED, "fail  haproxy, certificates: certificate ", words)
    assert str(pem) in told.text
    on_call.until("status", GOOD, "good: in step, ")  # it serves, and clients refuse it


def test_a_renewal_broke_the_certificate(scene: Stage, on_call: Asker) -> None:
    pem = scene.folder / "site.pem"
    good = Authority(scene.folder / "authority").issue("site", "site").pem
    pem.write_text(good)
    with_tls(scene, pem)
    on_call.until("status", GOOD, "good: in step, ", "1 of 1 servers up")
    atomic.write(pem, good.partition("-----BEGIN EC PRIVATE")[0].partition("-----BEGIN PRIV")[0])
    words = known("(what was read before stays) (does not count)")
    told = on_call.until("status", GOOD, f"file {pem} refused: ", words)
    assert "good: in step, " in told.line
    on_call.until_on_page(f"file {pem} refused: ")
    atomic.write(pem, good)
    on_call.until("status", GOOD, "good: in step, ")


@contextmanager
def over_tls(made: Certificate) -> Iterator[int]:
    """A node that answers over TLS alone, with that certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(HTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # who checks breaks off

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert, made.key)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_the_certificate_of_a_node_has_expired(scene: Stage, on_call: Asker) -> None:
    authority, made = expired(scene.folder, "node")
    tls = {"ca": str(authority.cert), "sni": "node"}
    with over_tls(made) as port:
        scene.list("s1", port)
        scene.change(**{"jinja2.vars.services.nodes.tls": tls})
        words = known("SSL handshake failure")
        told = on_call.until("status", DEGRADED, "service nodes: 0 of 1 up: ", words)
        on_call.until("why s1", GOOD, "The load balancer has it down since ", words)
        on_call.until_on_page(f"{told.line.partition('up: ')[0]}up: ", words)


def test_a_lease_is_shorter_than_the_check_takes(scene: Stage, on_call: Asker) -> None:
    own = {"name": "s2", "service": "nodes", "port": scene.port, "address": "127.0.0.1"}
    times = {"check": "tcp", "interval": 2, "fall": 3, "timeout": 2}
    scene.write_settings(register={**own, **times}, file={"ttl": 4})
    words = known("a node that crashes stays listed for ")
    told = on_call.until("doctor --check register", GOOD, f"warn  register, lease: {words}4 s")
    assert "lower register.fall, register.interval or register.timeout" in told.text


def test_a_cleaner_has_removed_haproxys_socket(scene: Stage, on_call: Asker) -> None:
    (scene.state / "haproxy.sock").unlink()
    words = known("the runtime socket ")
    on_call.until("history", GOOD, f"{words}{scene.state}/haproxy.sock is gone")
    on_call.until("status", GOOD, "good: in step, ", "drift=")
    on_call.until_on_page("haproxy.sock is gone")
    scene.until_up("s1")


def test_a_cleaner_has_removed_the_masters_socket(scene: Stage, on_call: Asker) -> None:
    (scene.state / "master.sock").unlink()
    words = known(" is gone, and HAProxy runs (process ")
    told = on_call.until("doctor --check haproxy", GOOD, "warn  haproxy, master socket: ", words)
    assert "-> restart HAProxy at a quiet hour" in told.text


def test_a_cleaner_has_removed_the_agents_socket(scene: Stage, on_call: Asker) -> None:
    (scene.state / "control.sock").unlink()
    told = on_call.ask("drain nodes/s1")
    assert (told.code, known("no agent answers in state_dir ") in told.text) == (FAILED, True)
    on_call.until("doctor", GOOD, known("the agent has no socket "), "restart lbdisc")


def test_haproxys_master_is_killed(scene: Stage, on_call: Asker) -> None:
    scene.kill_haproxy()
    words = known("HAProxy is not running")
    on_call.until("history", GOOD, words)
    scene.until_up("s1")
    on_call.until("status", GOOD, "good: in step, ", "by start at ")
    on_call.until_on_page(words)


def test_the_registrys_password_was_changed(tmp_path: Path) -> None:
    with etcd.start(tmp_path / "etcd", auth=True) as registry, Stage(tmp_path) as scene:
        own = {key.partition(".")[2]: value for key, value in registry.settings.items()}
        scene.use("etcd", {**own, "reconcile_every": 2})  # when a login is next needed
        port = scene.app("s1")
        registry.cli.put("/lbdisc/nodes/s1", f'{{"address": "127.0.0.1", "port": {port}}}')
        scene.agent()
        scene.until_up("s1")
        registry.cli.run("user", "passwd", "lbdisc", "--interactive=false", stdin="another\n")
        on_call = Asker(scene.settings, scene.page)
        words = known("refuses etcd.user 'lbdisc' with this etcd.password")
        on_call.until("status", DEGRADED, "registry etcd lost for ", words)
        told = on_call.until("doctor --check etcd", FAILED, "fail  etcd, ", words)
        assert "another" not in told.text
        on_call.until_on_page(words)
        assert len(on_call.asked) <= MOST
        scene.until_up("s1")


def test_an_attached_haproxy_is_gone(tmp_path: Path) -> None:
    with Attached(tmp_path) as place:
        place.serve("a")
        place.enlist("a")
        haproxy = place.haproxy()
        place.agent()
        place.until_in_step()
        haproxy.kill()
        words = known("its HAProxy is gone, or starts just now")

        def told() -> bool:
            code, text = place.lbdisc("status")
            return code == FAILED and words in text

        eventually(told, deadline=90, every=0.3, what="a status that says so")
        code, text = place.lbdisc("doctor", "--check", "haproxy")
    assert (code, words in text) == (FAILED, True)
    assert "-> start HAProxy as `haproxy -W -S " in text
