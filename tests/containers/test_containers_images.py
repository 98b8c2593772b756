"""What the images promise by themselves: users, health, logs, settings, bad input."""

import json
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_lab.containers.backends import BACKENDS, IMAGE, backend
from lbdisc_lab.containers.container import Container, Run
from lbdisc_lab.containers.docker import DockerError, docker, inspect
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.containers.site import Site
from support.container_sites import running, until_said

CONFINED = (
    *("--read-only", "--tmpfs", "/run", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges"),
)


@pytest.fixture(scope="module", autouse=True)
def without_settings() -> Iterator[Container]:
    """A container whose settings nobody writes, from the start: it waits for ten seconds."""
    environment = {"LBDISC_CONFIG": "/etc/lbdisc/chosen/lbdisc.toml"}
    with Engine(f"test-images-{uuid.uuid4().hex[:8]}") as engine:
        yield engine.run(Run(image=IMAGE.format("ha"), name="ha", environment=environment))


@pytest.mark.parametrize("image", ["base", "ha", "webapp", "etcd", "zookeeper"])
def test_an_image_says_what_it_is_and_how_it_is_run(image: str) -> None:
    config = inspect("image", IMAGE.format(image))["Config"]
    assert config["Labels"]["org.opencontainers.image.title"].startswith("lbdisc")
    assert config["Labels"]["org.opencontainers.image.version"] != "0"
    assert config["StopSignal"] == "SIGTERM"
    assert config["User"] not in ("", "root", "0")
    assert config["Healthcheck"]["Test"][0] == "CMD"


def test_bill_of_materials_lists_what_is_in_an_image(tmp_path: Path) -> None:
    file = tmp_path / "ha.cdx.json"
    script = [sys.executable, "scripts/sbom.py", "image", IMAGE.format("ha"), str(file)]
    subprocess.run(script, check=True, cwd=Path(__file__).parent.parent.parent)
    listed = {each["purl"] for each in json.loads(file.read_text())["components"]}
    for purl in ("pkg:deb/debian/haproxy@", "pkg:deb/debian/serf@", "pkg:pypi/kazoo@"):
        assert any(each.startswith(purl) for each in listed)


def test_one_image_follows_any_registry_by_the_variable_alone(engine: Engine) -> None:
    found = {}
    for name in BACKENDS:
        wanted = Run(image=IMAGE.format("ha"), name=name, environment={"LBDISC_BACKEND": name})
        found[name] = engine.run(wanted)
    for name, container in found.items():
        until_follows(container, name)
    inspected = [container.inspect() for container in found.values()]
    assert len({one["Image"] for one in inspected}) == 1
    others = [
        {**one["Config"], "Hostname": "", "Env": sorted(own(one["Config"]["Env"]))}
        for one in inspected
    ]
    assert all(other == others[0] for other in others)


def until_follows(container: Container, registry: str) -> None:
    eventually(lambda: followed(container) == registry, deadline=60)


def until_healthy(container: Container) -> None:
    eventually(lambda: container.health == "healthy", deadline=60)


def followed(container: Container) -> str:
    """The registry that the agent in it says it follows, empty as long as it says nothing."""
    with suppress(DockerError, ValueError):
        status = json.loads(container.execute("cat", "/var/lib/lbdisc/status.json"))
        return str(status["backend"])
    return ""


def own(environment: list[str]) -> list[str]:
    """What is in it but for the one variable."""
    return [word for word in environment if not word.startswith("LBDISC_BACKEND=")]


def test_nothing_needs_root_a_capability_or_a_root_to_write_to(engine: Engine) -> None:
    with Site(engine, backend("serf"), options=CONFINED) as site:
        site.start_balancer()
        site.start_nodes("s1")
        site.start_traffic()
        site.until_up("s1")
        site.until_served(20, "s1")
        for container in (site.balancer, site.nodes["s1"]):
            owners = container.execute("sh", "-c", "stat -c %u /proc/[0-9]* 2>/dev/null || true")
            assert set(owners.split()) == {"900"}
            until_healthy(container)
        site.traffic.stop()
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
        with running("file", LOG_FORWARD="logs") as site:
            until_said(site.balancer, "not forwarded: LOG_FORWARD is 'logs'; right is udp://HOST")
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

    def test_an_unknown_backend_names_the_known_ones_and_is_tried_again_slowly(
        self, engine: Engine
    ) -> None:
        for image, program in (("ha", "lbdisc"), ("webapp", "app")):
            container = engine.run(
                Run(
                    image=IMAGE.format(image),
                    name=image,
                    environment={"LBDISC_BACKEND": "consul"},
                )
            )
            line = until_said(container, "consul")
            assert all(name in line for name in ("etcd", "serf", "zookeeper"))
            until_said(container, f"{program} ended with exit code 2 after")
            until_said(container, "starting it again in 2 s")
            assert "Traceback" not in container.logs()

    def test_with_an_unknown_backend_the_balancer_serves_what_it_has(self) -> None:
        with running("file") as site:
            site.traffic.stop()
            known = site.config()
            site.balancer.stop()
            wanted = replace(site.balancer_run(), environment={"LBDISC_BACKEND": "consul"})
            volume = ("--volumes-from", site.balancer.id)
            again = site.engine.run(replace(wanted, name="again", options=volume))
            until_said(again, "lbdisc ended with exit code 2")
            assert again.execute("cat", "/var/lib/lbdisc/haproxy.cfg") == known
            with urlopen(site.url, timeout=20) as answer:
                assert answer.status == 200

    def test_a_settings_file_that_cannot_be_read_is_named(
        self, engine: Engine, tmp_path: Path
    ) -> None:
        (tmp_path / "lbdisc.toml").write_text("backend = etcd\n")
        volumes = (f"{tmp_path / 'lbdisc.toml'}:/etc/lbdisc/lbdisc.toml:ro",)
        container = engine.run(Run(image=IMAGE.format("ha"), name="ha", volumes=volumes))
        eventually(lambda: not container.running, deadline=60)
        assert container.exit_code == 1
        (line,) = container.logs().splitlines()
        assert line.startswith("lbdisc: cannot read the settings file /etc/lbdisc/lbdisc.toml: ")

    def test_settings_that_no_container_writes_are_missed(
        self, without_settings: Container
    ) -> None:
        eventually(lambda: not without_settings.running, deadline=60)
        assert without_settings.exit_code == 1
        assert "a profile chooses the registry: --profile file, serf" in without_settings.logs()

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


SETTINGS = """
backend = "file"
state_dir = "/var/lib/lbdisc/here"
output = "/var/lib/lbdisc/there.cfg"
[file]
dir = "/nodes"
[haproxy]
mode = "attached"
master_socket = "/var/lib/lbdisc/main.sock"
[jinja2.vars]
log = "/run/lbdisc/log.sock len 8192 local0"
stats_bind = "*:1936"
stats_open = true
[register]
port = 3100
"""


def test_a_settings_file_counts_in_all_that_it_says(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "lbdisc.toml"
    file.write_text(SETTINGS)
    options = ("--volume", f"{file}:/etc/lbdisc/lbdisc.toml:ro")
    with Site(engine, backend("file"), options=options) as site:
        site.start_balancer()
        command = ("python", "-m", "lbdisc_lab.webapp", "--port", "3100")
        site.nodes["s1"] = site.engine.run(replace(site.node_run("s1"), command=command))
        site.until_up("s1")
        assert site.balancer.execute("/usr/lib/lbdisc/healthy").startswith("HAProxy serves; ")
        assert site.nodes["s1"].execute("/usr/lib/lbdisc/healthy") == ""
        site.balancer.execute("test", "-S", "/var/lib/lbdisc/main.sock")
        site.balancer.execute("test", "-s", "/var/lib/lbdisc/here/status.json")
        assert site.host("s1") in site.balancer.execute("cat", "/var/lib/lbdisc/there.cfg")


def test_a_container_with_a_command_of_its_own_is_not_unhealthy(engine: Engine) -> None:
    for image in ("base", "ha"):
        run = Run(image=IMAGE.format(image), name=image, command=("sleep", "600"))
        container = engine.run(replace(run, options=("--health-interval", "1s")))
        until_healthy(container)


def test_a_healthy_balancer_says_what_is_wrong_nevertheless(engine: Engine) -> None:
    environment = {"LBDISC_BACKEND": "etcd"}
    options = ("--health-interval", "1s")
    run = Run(image=IMAGE.format("ha"), name="ha", environment=environment, options=options)
    container = engine.run(run)

    def told() -> str:
        health = container.state["Health"]
        return str(health["Log"][-1]["Output"]) if health["Status"] == "healthy" else ""

    eventually(lambda: "registry lost: " in told(), deadline=60, what="a lost registry")


def test_a_process_that_memory_ran_out_for_is_said_to_be_so(engine: Engine) -> None:
    run = Run(image=IMAGE.format("ha"), name="ha", options=("--memory", "40m"))
    assert "ended with signal 9" in until_said(engine.run(run), "out of memory")


def test_a_stop_ends_the_health_first(engine: Engine) -> None:
    container = engine.run(Run(image=IMAGE.format("ha"), name="ha"))
    until_healthy(container)
    container.kill("TERM")
    eventually(lambda: stopping(container), deadline=10, what="unhealthy while it still serves")
    eventually(lambda: not container.running, deadline=60)
    assert container.exit_code == 0


def stopping(container: Container) -> bool:
    script = "/usr/lib/lbdisc/healthy || s6-svstat -o up /run/lbdisc/services/haproxy"
    with suppress(DockerError):
        return container.execute("sh", "-c", script).split() == ["stopping", "true"]
    return False


@pytest.mark.parametrize("place", ["network", "interface"])
def test_of_two_networks_the_one_that_is_named_is_registered(engine: Engine, place: str) -> None:
    with Site(engine, backend("file")) as site:
        other = engine.network("other")
        subnet = str(inspect("network", site.network)["IPAM"]["Config"][0]["Subnet"])
        address = subnet if place == "network" else "eth1"
        run = site.node_run("s1")
        environment = {**run.environment, "LBDISC_REGISTER_ADDRESS": address}
        node = engine.run(replace(run, network=other, environment=environment))
        site.nodes["s1"] = node
        site.start_balancer()
        until_said(node, f"no own address at {address} (there are: eth0 ")
        docker("network", "connect", site.network, node.id)
        site.start_traffic()
        site.until_served(20, "s1")
        site.traffic.stop()


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
