"""What S6 promises in both images: what is killed comes back, what is stopped ends well."""

import json
import socket
import threading
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_lab.containers.backends import IMAGE, backend
from lbdisc_lab.containers.container import Container, Run
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.containers.site import HTTP, Site
from support.container_sites import running, until_said


def no_zombies(container: Container) -> bool:
    return all(state != "Z" for _, state, _ in container.processes())


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One for all tests that change nothing for good. The backend is Serf: it has all services."""
    with running("serf") as site:
        yield site


class TestKilled:
    """S6 in both images, with all services there are."""

    @pytest.mark.parametrize("program", ["lbdisc run", "serf agent", "rsyslogd"])
    def test_in_the_balancer_it_comes_back_and_no_request_is_lost(
        self, site: Site, program: str
    ) -> None:
        before = len(site.losses())
        site.kill_program("ha", program)
        site.until_served(100, "s1")
        site.until_up("s1")
        assert site.losses()[before:] == []
        assert eventually(lambda: no_zombies(site.balancer))

    def test_haproxy_comes_back_with_its_nodes(self, site: Site) -> None:
        with site.apart.because("HAProxy is dead"):
            site.kill_program("ha", "haproxy -W")
            site.until_up("s1")
            site.until_served(1)
        before = len(site.losses())
        site.until_served(50, "s1")
        assert site.losses()[before:] == []
        assert eventually(lambda: no_zombies(site.balancer))

    @pytest.mark.parametrize("program", ["serf agent", "rsyslogd"])
    def test_beside_an_app_it_comes_back_and_no_request_is_lost(
        self, site: Site, program: str
    ) -> None:
        before = len(site.losses())
        site.kill_program("s1", program)
        site.until_served(50, "s1")
        site.until_up("s1")
        assert site.losses()[before:] == []

    @pytest.mark.parametrize("program", ["lbdisc register", "lbdisc_lab.webapp"])
    def test_app_and_registrar_come_back_together(self, site: Site, program: str) -> None:
        node = site.nodes["s1"]
        apps = node.find_programs("lbdisc_lab.webapp")
        with site.apart.because("the only node is dead"):
            site.kill_program("s1", program)
            eventually(lambda: not apps & node.find_programs("lbdisc_lab.webapp"))
            site.until_up("s1")
            site.until_served(50, "s1")
        assert len(node.find_programs("lbdisc register")) == 1
        assert len(node.find_programs("lbdisc_lab.webapp")) == 1
        assert eventually(lambda: no_zombies(node))

    def test_the_log_goes_on_when_its_forwarder_was_killed(self, site: Site) -> None:
        site.kill_program("ha", "rsyslogd")
        so_far = site.balancer.logs().count(" localnodes nodes/")
        until_said(site.balancer, " localnodes nodes/", times=so_far + 20)


class TestSerfJoin:
    """What keeps the containers of Serf together."""

    def test_a_node_waits_for_its_balancer_and_says_so_once(self, engine: Engine) -> None:
        with Site(engine, backend("serf"), environment={"SERF_JOIN": "ha,gone"}) as site:
            site.start_nodes("s1")
            until_said(site.nodes["s1"], "cannot join ha yet, trying again each second: ")
            until_said(site.nodes["s1"], "cannot join gone yet, trying again each second: ")
            site.start_balancer()
            until_said(site.nodes["s1"], "joined ha")
            site.until_up("s1")
            said = site.nodes["s1"].logs()
            assert "serf-join ended" not in said
            assert said.count("cannot join gone") == 1

    def test_an_agent_that_knows_nothing_of_lbdisc_is_balanced(self, site: Site) -> None:
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


class TestStopped:
    """docker stop: everything ends by itself, within Docker's patience; 137 would be SIGKILL."""

    def test_the_balancer_finishes_the_request_that_is_open(self) -> None:
        with running("file") as site:
            site.traffic.stop()
            delay = Request(f"{site.url}delay", json.dumps({"delay": 1000}).encode())
            with urlopen(delay, timeout=20) as answer:
                assert answer.status == 200
            before = given(site)
            with idle_connection(site):
                slow = Slow(site.url)
                site.until(lambda: given(site) > before, "the request to be open")
                site.balancer.stop(10)
            assert site.balancer.exit_code == 0
            assert slow.status() == 200

    def test_a_web_app_ends_well_though_its_registry_is_away(self) -> None:
        with running("etcd") as site:
            assert site.registry is not None
            site.registry.remove()
            site.until(lambda: site.status().get("registry") == "lost", "the agent to notice")
            site.until_served(50, "s1")
            site.traffic.stop()
            assert site.losses() == []
            site.stop_nodes("s1")
            assert site.nodes["s1"].exit_code == 0


def given(site: Site) -> int:
    """The requests that HAProxy has given to the only node so far."""
    return sum(row.sessions for row in (site.servers() or {}).values())


def idle_connection(site: Site) -> socket.socket:
    """A connection to the balancer, on which nothing is asked."""
    return socket.create_connection(("127.0.0.1", site.balancer_run().ports[HTTP]), 20)


class Slow:
    """A request that is sent, and whose answer is waited for in a thread of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._status = 0
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        with urlopen(self._url, timeout=20) as answer:
            self._status = answer.status

    def status(self) -> int:
        """That of the answer; 0 if there was none."""
        self._thread.join()
        return self._status
