"""What the images promise by themselves: supervision, logs, a read-only root, bad input."""

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_lab.containers.backends import IMAGE, backend
from lbdisc_lab.containers.container import Container, Run
from lbdisc_lab.containers.docker import inspect
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.containers.site import Site


@contextmanager
def running(name: str, **settings: str) -> Iterator[Site]:
    """A site of one balancer and one node over the backend ``name``."""
    engine = Engine(f"test-images-{uuid.uuid4().hex[:8]}")
    with Site(engine, backend(name), rate=50, environment=settings) as site:
        site.start_registry()
        site.start_balancer()
        site.start_nodes("s1")
        site.start_traffic()
        site.until_up("s1")
        site.until_served(20, "s1")
        yield site


def until_said(container: Container, words: str) -> str:
    """The first line of the container's log with these words."""

    def said() -> str:
        return next((line for line in container.logs().splitlines() if words in line), "")

    try:
        return eventually(said, deadline=60, every=0.2, what=f"{words!r} in the log")
    except AssertionError as error:
        raise AssertionError(f"{error}:\n{container.logs()[-3000:]}") from None


def no_zombies(container: Container) -> bool:
    return all(state != "Z" for _, state, _ in container.processes())


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One for all tests that change nothing for good. The backend is Serf: it has all services."""
    with running("serf") as site:
        yield site


class TestSupervision:
    """S6 in both images, with all services there are."""

    @pytest.mark.parametrize("program", ["lbdisc run", "serf agent", "rsyslogd"])
    def test_killed_in_the_balancer_it_comes_back_and_no_request_is_lost(
        self, site: Site, program: str
    ) -> None:
        before = len(site.losses())
        site.kill_program("ha", program)
        site.until_served(100, "s1")
        site.until_up("s1")
        assert site.losses()[before:] == []
        assert eventually(lambda: no_zombies(site.balancer))

    def test_a_killed_haproxy_comes_back_with_its_nodes(self, site: Site) -> None:
        with site.apart.because("HAProxy is dead"):
            site.kill_program("ha", "haproxy -W")
            site.until_up("s1")
            site.until_served(1)
        before = len(site.losses())
        site.until_served(50, "s1")
        assert site.losses()[before:] == []
        assert eventually(lambda: no_zombies(site.balancer))

    @pytest.mark.parametrize(
        "program", ["lbdisc register", "lbdisc_lab.webapp --port", "serf agent", "rsyslogd"]
    )
    def test_killed_in_a_web_app_it_comes_back(self, site: Site, program: str) -> None:
        with site.apart.because("the only node is dead"):
            site.kill_program("s1", program)
            site.until_up("s1")
            site.until_served(50, "s1")
        assert eventually(lambda: no_zombies(site.nodes["s1"]))


def test_a_serf_agent_that_knows_nothing_of_lbdisc_is_balanced(site: Site) -> None:
    script = (
        "serf agent -tag role=backend -retry-join ha -retry-interval 1s &"
        " exec python -m lbdisc_lab.webapp"
    )
    before = len(site.losses())
    run = Run(
        image=IMAGE.format("webapp"),
        name="plain",
        network=site.network,
        options=("--entrypoint", "sh"),
        command=("-c", script),
    )
    site.nodes["plain"] = site.engine.run(run)
    site.until_up("s1", "plain")
    site.until_served(50, "s1", "plain")
    with site.apart.because("in flight on a killed node"):
        site.forget_nodes("plain")
    site.until_up("s1")
    assert site.losses()[before:] == []


def test_the_root_may_be_read_only(engine: Engine) -> None:
    with Site(engine, backend("serf"), options=("--read-only", "--tmpfs", "/run")) as site:
        site.start_balancer()
        site.start_nodes("s1")
        site.start_traffic()
        site.until_up("s1")
        site.until_served(20, "s1")
        site.stop_nodes("s1")
        assert site.nodes["s1"].exit_code == 0


def test_a_read_only_root_without_room_says_what_is_missing(engine: Engine) -> None:
    container = engine.run(Run(image=IMAGE.format("ha"), name="ha", options=("--read-only",)))
    eventually(lambda: not container.running, deadline=60)
    assert container.exit_code == 1
    assert "start with --tmpfs /run" in container.logs()


class TestLogs:
    """Everything that runs in a container is heard at its output."""

    def test_text_names_the_process_of_each_line(self) -> None:
        with running("file") as site:
            assert " lbdisc: " in until_said(site.balancer, "running came=nodes/")
            assert " haproxy: " in until_said(site.balancer, "localnodes nodes/")
            assert " app: " in until_said(site.nodes["s1"], "registered address=")

    def test_json_is_one_object_a_line(self) -> None:
        with running("file", LBDISC_LOG_FORMAT="json") as site:
            until_said(site.balancer, '"process"')
            for container in (site.balancer, site.nodes["s1"]):
                found = [json.loads(line) for line in container.logs().splitlines()]
                assert all({"event", "level", "process"} <= set(line) for line in found)
            processes = {json.loads(line)["process"] for line in site.balancer.logs().splitlines()}
            assert {"haproxy", "lbdisc"} <= processes

    @pytest.mark.parametrize("protocol", ["udp", "tcp"])
    def test_syslog_reaches_a_server(self, engine: Engine, protocol: str) -> None:
        network = engine.network("syslog")
        with Receiver(gateway(network), protocol) as receiver:
            target = f"{protocol}://{receiver.address}:{receiver.port}"
            engine.run(
                Run(
                    image=IMAGE.format("ha"),
                    name="ha",
                    network=network,
                    environment={"LOG_FORWARD": target},
                )
            )
            eventually(lambda: b" lbdisc " in receiver.heard, deadline=60, what="lbdisc's log")
            eventually(lambda: b" haproxy " in receiver.heard, deadline=60, what="HAProxy's log")


class TestBadInput:
    """The log says it in one line, and what can serve goes on."""

    def test_an_unknown_backend_names_the_known_ones(self, engine: Engine) -> None:
        for image in ("ha", "webapp"):
            container = engine.run(
                Run(
                    image=IMAGE.format(image),
                    name=image,
                    environment={"LBDISC_BACKEND": "consul"},
                )
            )
            line = until_said(container, "consul")
            assert "etcd" in line
            assert "serf" in line
            assert "zookeeper" in line
            assert "Traceback" not in container.logs()

    @pytest.mark.parametrize(
        ("name", "word"), [("etcd", "etcd.endpoints"), ("zookeeper", "zookeeper.hosts")]
    )
    def test_a_missing_registry_is_named(self, engine: Engine, name: str, word: str) -> None:
        with Site(engine, backend(name)) as site:
            site.start_balancer()
            site.start_nodes("s1")
            for container in (site.balancer, site.nodes["s1"]):
                until_said(container, word)
                assert container.running
                assert "Traceback" not in container.logs()

    def test_the_balancer_serves_what_it_has_without_its_registry(self) -> None:
        with running("etcd") as site:
            assert site.registry is not None
            site.registry.remove()
            site.until(lambda: site.status().get("registry") == "lost", "the agent to notice")
            with site.apart.because("the balancer is away"):
                site.balancer.restart()
                site.until_up("s1")
                site.until_served(1)
            site.until_served(100, "s1")
            assert site.losses() == []


def gateway(network: str) -> str:
    """This machine's address in a network of the engine."""
    return str(inspect("network", network)["IPAM"]["Config"][0]["Gateway"])


class Receiver:
    """A syslog server of the test, which keeps what it heard."""

    def __init__(self, address: str, protocol: str) -> None:
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        self._socket = socket.socket(socket.AF_INET, kind)
        self._socket.bind((address, 0))
        self.address, self.port = self._socket.getsockname()
        self._stream = protocol == "tcp"
        self.heard = b""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def _listen(self) -> None:
        try:
            self._hear(self._accepted() if self._stream else self._socket)
        except OSError:
            return  # closed

    def _accepted(self) -> socket.socket:
        self._socket.listen()
        return self._socket.accept()[0]

    def _hear(self, source: socket.socket) -> None:
        with source:
            source.settimeout(0.5)
            while not self._over.is_set():
                with suppress(TimeoutError):
                    self.heard += source.recv(65536)

    def __enter__(self) -> "Receiver":
        self._socket.settimeout(60)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()
