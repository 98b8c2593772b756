"""The drain handshake: real load balancers, registries and instances that stop without grace."""

import http.client
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from lbdisc.handshake import ROOM, token
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.rows import Stat
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_lab.demo import registries
from lbdisc_lab.servers.zookeeper.editor import Editor
from lbdisc_lab.traffic import Traffic
from support.logs import show_logs
from support.own_template import OWN_TEMPLATE
from support.programs import Program
from support.scene import LBDISC, Scene, lost

# Half a dozen programs in each test: a busy machine takes a while to start them.
pytestmark = pytest.mark.timeout(180)
WAITING = "waiting for load balancers to drain"
STEPS = ("draining", WAITING, "drained", "left")
# Nothing is ever left on a node: what it has applied it acknowledges.
LIGHT = {"reloader": "command", "command.reload": "true", "command.drained": "true"}
# An app that is cut off at SIGTERM: what it has not answered by then is lost.
ABRUPT = 'trap "touch {stopped}; kill -9 $!; exit 0" TERM; {app} & wait'


def arguments(settings: dict[str, object]) -> list[str]:
    def text(value: object) -> str:
        return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

    return [word for key, v in settings.items() for word in ("--set", f"{key}={text(v)}")]


class Node(Program):
    """`lbdisc register` around an app that SIGTERM cuts off."""

    def __init__(self, process: Process, stopped: Path) -> None:
        super().__init__(process)
        self.stopped = stopped


class Balancer:
    """`lbdisc run` with a HAProxy of its own."""

    def __init__(self, process: Process, state: Path, port: int) -> None:
        self.process = process
        self.state = state
        self.port = port
        self.url = f"http://127.0.0.1:{port}/"
        self.master = Master(state / "master.sock")

    def servers(self) -> dict[str, Stat]:
        try:
            with Runtime(str(self.state / "haproxy.sock")) as runtime:
                return {row.name: row for row in runtime.stats("nodes") if row.kind == "server"}
        except HaproxyError:
            return {}

    def until_up(self, *names: str) -> None:
        def up() -> bool:
            found = {n for n, row in self.servers().items() if row.status.startswith("UP")}
            return found == set(names)

        eventually(up, what=f"servers {', '.join(names)} up")

    def until_busy(self, *names: str) -> None:
        eventually(lambda: all(self.servers()[name].sessions for name in names), what="sessions")


class House:
    """Load balancers and nodes around one registry; everything ends with the `with` block."""

    def __init__(self, folder: Path, backend: str = "file", **settings: object) -> None:
        self.folder = folder
        self.backend = backend
        self._stack = ExitStack()
        self.registry = registries.start(backend, folder / "registry")
        self._stack.callback(self.registry.stop)
        self._settings = {f"{backend}.{key}": value for key, value in settings.items()}
        self._nodes = 0
        self._ports: dict[str, int] = {}  # of load balancers; they keep it when started again

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            show_logs(self.folder)
        self._stack.close()

    def _lbdisc(self, name: str, *words: str, **settings: object) -> Process:
        common = {"backend": self.backend, "log.format": "json", **self._settings, **settings}
        command = [LBDISC, words[0], *arguments(common), *words[1:]]
        return Process(command, log=self.folder / f"{name}.log")

    def agent(self, name: str = "lb1", **settings: object) -> Balancer:
        """An agent that runs, and is known to the registry unless it is not to be."""
        state, port = self.folder / name, self._ports.setdefault(name, free_port())
        variables = {"http_bind": f"127.0.0.1:{port}", "stats_bind": "", "cli_bind": ""}
        variables["check"] = "HEAD /"
        own = {
            "state_dir": state,
            "agent.name": name,
            "agent.min_reload_interval": 0.2,
            "haproxy.on_stop": "stop",
            "jinja2.vars": json.dumps(variables),
            **self.registry.settings,
            **settings,
        }
        log = self.folder / f"{name}.log"
        before = log.read_text() if log.exists() else ""
        process = self._stack.enter_context(self._lbdisc(name, "run", **own))
        balancer = Balancer(process, state, port)
        self._stack.callback(self._end_haproxy, balancer)
        announced = settings.get("agent.announce") != "false"
        event = '"announced"' if announced else '"running"'
        assert eventually(
            lambda: not process.running or event in log.read_text().removeprefix(before)
        )
        assert process.running, process.log_tail()
        return balancer

    @staticmethod
    def _end_haproxy(balancer: Balancer) -> None:
        """A HAProxy that a killed agent left behind goes too."""
        with suppress(HaproxyError):
            os.kill(balancer.master.processes().master, signal.SIGTERM)

    def node(self, name: str) -> Node:
        """A registered node with its app."""
        index, self._nodes = self._nodes, self._nodes + 1
        settings = self.registry.node_settings(index)
        # A member of Serf has an address of its own.
        address = str(settings.get("serf.bind", "127.0.0.1:")).rpartition(":")[0]
        port = free_port(address)
        stopped = self.folder / f"{name}.stopped"
        app = f"{sys.executable} -m lbdisc_lab.webapp --name {name} --address {address}"
        shell = ABRUPT.format(stopped=stopped, app=f"{app} --port {port}")
        endpoint = ["--name", name, "--address", address, "--port", str(port), "--check", "tcp"]
        words = [*endpoint, "--interval", "0.2", "--", "sh", "-c", shell]
        process = self._register(name, *words, **settings)
        return Node(process, stopped)

    def entry(self, name: str, *words: str, drain_timeout: float = 30.0) -> Node:
        """A registered node without an app."""
        words = ("--name", name, "--check", "none", "--drain-timeout", str(drain_timeout), *words)
        process = self._register(name, *words, **self.registry.settings)
        node = Node(process, self.folder / f"{name}.stopped")
        eventually(lambda: node.told("registered"), what=f"{name} registered")
        return node

    def _register(self, name: str, *words: str, **settings: object) -> Process:
        own = {"state_dir": self.folder / name, **settings}
        return self._stack.enter_context(self._lbdisc(name, "register", *words, **own))

    @contextmanager
    def registry_away(self) -> Iterator[None]:
        """The folder is gone, or the server hangs."""
        if isinstance(self.registry, registries.Real):
            servers: Any = self.registry._servers
            servers.pause()
            yield
            servers.resume()
        else:
            folder, away = self.folder / "registry", self.folder / "away"
            folder.rename(away)
            yield
            away.rename(folder)

    def put(self, place: str, record: str) -> None:
        """Write ``SERVICE/NAME`` as anybody may who has the rights."""
        servers: Any = getattr(self.registry, "_servers", None)
        if self.backend == "etcd":
            servers.cli.put(f"/lbdisc/{place}", record)
        elif self.backend == "zookeeper":
            with Editor(servers.hosts[:1]) as editor:
                editor.put(f"/lbdisc/{place}", record)
        else:
            file = self.folder / "registry" / f"{place}.json"
            file.parent.mkdir(exist_ok=True)
            file.write_text(record)

    def nodes(self, *words: str) -> dict[str, Any]:
        """`lbdisc nodes --json`."""
        own = {"state_dir": self.folder / "nodes-state", **self.registry.settings}
        with self._lbdisc("nodes", "nodes", "--json", *words, **own) as process:
            # With --agents, 1 says that they differ: one test has them so.
            assert process.wait() in ((0, 1) if "--agents" in words else (0,))
            found = json.loads(process.log.read_text().splitlines()[-1])
        assert isinstance(found, dict)
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path) as made:
        yield made


class Upload:
    """A request that lasts as long as its body takes to send, and that nobody may repeat."""

    BODY = b'{"delay": 0}'

    def __init__(self, balancer: Balancer) -> None:
        self._client = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=60)
        self._client.putrequest("POST", "/delay")
        self._client.putheader("Content-Length", str(len(self.BODY)))
        self._client.endheaders(self.BODY[:5])

    def finish(self) -> int:
        """Send the rest; returns the status of the answer."""
        with closing(self._client):
            self._client.send(self.BODY[5:])
            return self._client.getresponse().status


@pytest.mark.parametrize("backend", ["file", "etcd", "zookeeper", "serf"])
def test_an_instance_is_stopped_once_nothing_is_left_on_it(tmp_path: Path, backend: str) -> None:
    with House(tmp_path, backend) as house:
        balancer = house.agent()
        s1, _ = house.node("s1"), house.node("s2")
        balancer.until_up("s1", "s2")
        uploads = [Upload(balancer), Upload(balancer)]
        balancer.until_busy("s1", "s2")
        with Traffic(balancer.url, rate=100) as traffic:
            eventually(lambda: traffic.counts().nodes.get("s1"))
            s1.process.send(signal.SIGTERM)
            eventually(lambda: s1.told(WAITING))
            at = traffic.counts().served
            eventually(lambda: traffic.counts().served > at + 50)
            assert not s1.stopped.exists()
            assert [upload.finish() for upload in uploads] == [200, 200]
            assert s1.process.wait() == 0
            at = traffic.counts().served
            eventually(lambda: traffic.counts().served > at + 20)
        assert lost(traffic) == []
    order = [e["event"] for e in s1.events if e["event"] in STEPS]
    assert order == list(STEPS)
    assert s1.stopped.exists()


def test_an_entry_whose_address_another_has_by_now_waits_for_nobody(house: House) -> None:
    house.agent()
    older, newer = house.entry("s1", drain_timeout=600), house.entry("s2", drain_timeout=600)
    eventually(lambda: "s2: s1 has the same address" in (house.folder / "lb1.log").read_text())
    for entry in (older, newer):
        entry.process.send(signal.SIGTERM)
        assert entry.process.wait() == 0
        assert entry.told("drained")["by"] == "lb1"


def test_a_request_in_a_replaced_worker_counts(house: House) -> None:
    balancer, s1 = house.agent(), house.node("s1")
    balancer.until_up("s1")
    upload = Upload(balancer)
    balancer.until_busy("s1")
    balancer.master.reload()
    s1.process.send(signal.SIGTERM)
    eventually(lambda: s1.told(WAITING))
    balancer.master.reload()
    [entry] = house.nodes()["endpoints"]
    assert (entry["drained_by"], entry["waits_for"]) == ([], ["lb1"])
    assert not s1.stopped.exists()
    assert upload.finish() == 200
    assert s1.process.wait() == 0


@pytest.mark.parametrize("backend", ["file", "etcd"])
def test_an_agent_that_was_killed_is_waited_for_beyond_its_lease(
    tmp_path: Path, backend: str
) -> None:
    with House(tmp_path, backend, ttl=2) as house:
        house.agent("lb1", **LIGHT)
        second, s1 = house.agent("lb2", **LIGHT), house.entry("s1", drain_timeout=8)
        second.process.kill()
        s1.process.send(signal.SIGTERM)
        assert s1.process.wait() == 0
        given_up = s1.told("drain given up")
        assert (given_up["gone"], given_up["drained"]) == ("lb2", "lb1")
        assert s1.told("drained") == {}


def test_an_agent_that_stops_while_it_is_waited_for_takes_leave(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        house.agent("lb1", **LIGHT)
        second = house.agent("lb2", **{**LIGHT, "command.drained": "false"})
        s1 = house.entry("s1", drain_timeout=600)
        s1.process.send(signal.SIGTERM)
        eventually(lambda: s1.told(WAITING).get("drained") == "lb1")
        second.process.stop()
        assert s1.process.wait() == 0
        assert s1.told("drained")["by"] == "lb1"


def test_what_an_operator_parks_as_draining_holds_up_no_drain(house: House) -> None:
    house.agent(**LIGHT)
    s1 = house.entry("s1", drain_timeout=600)
    for number in range(ROOM + 5):
        record = {"address": "10.0.0.9", "port": 80, "state": "draining"}
        (house.folder / "registry" / f"a{number}.json").write_text(json.dumps(record))
    eventually(lambda: len(house.nodes()["endpoints"]) == ROOM + 6)
    s1.process.send(signal.SIGTERM)
    assert s1.process.wait() == 0
    assert s1.told("drained")["by"] == "lb1"


def test_an_agent_that_was_restarted_is_waited_for_again(tmp_path: Path) -> None:
    with House(tmp_path, ttl=2) as house:
        balancer, s1 = house.agent(), house.node("s1")
        balancer.until_up("s1")
        upload = Upload(balancer)
        balancer.until_busy("s1")
        s1.process.send(signal.SIGTERM)
        eventually(lambda: s1.told(WAITING))
        balancer.process.send(signal.SIGKILL)
        balancer.process.wait()
        house.agent()
        assert not s1.stopped.exists()
        assert upload.finish() == 200
        assert s1.process.wait() == 0
        assert s1.told("drained")["by"] == "lb1"


@pytest.mark.parametrize("backend", ["file", "etcd", "zookeeper"])
def test_an_agent_that_stops_and_leaves_haproxy_serving_is_waited_for(
    tmp_path: Path, backend: str
) -> None:
    with House(tmp_path, backend) as house:
        stays = {"haproxy.on_stop": "leave"}
        balancer, s1 = house.agent(**stays), house.node("s1")
        balancer.until_up("s1")
        balancer.process.stop()
        upload = Upload(balancer)
        balancer.until_busy("s1")
        s1.process.send(signal.SIGTERM)
        eventually(lambda: s1.told(WAITING).get("waiting") == "lb1")
        house.agent(**stays)
        assert not s1.stopped.exists()
        assert upload.finish() == 200
        assert s1.process.wait() == 0
        assert s1.told("drained")["by"] == "lb1"


@pytest.mark.parametrize("backend", ["file", "etcd"])
def test_a_registry_that_comes_back_gets_its_drain(tmp_path: Path, backend: str) -> None:
    with House(tmp_path, backend) as house:
        balancer, s1 = house.agent(), house.node("s1")
        balancer.until_up("s1")
        upload = Upload(balancer)
        balancer.until_busy("s1")
        eventually(lambda: s1.told("registered"))
        with house.registry_away():
            s1.process.send(signal.SIGTERM)
            eventually(lambda: s1.told("registered before, out of touch, trying again"))
            assert not s1.stopped.exists()
        eventually(lambda: s1.told(WAITING))
        assert upload.finish() == 200
        assert s1.process.wait() == 0
    assert [e["event"] for e in s1.events if e["event"] in STEPS] == list(STEPS)


def test_who_waits_for_whom_is_shown_and_a_second_signal_ends_it(tmp_path: Path) -> None:
    with House(tmp_path, ttl=600) as house:
        house.agent("lb1", **LIGHT)
        second = house.agent("lb2", services="other,nodes", **LIGHT)
        s1 = house.entry("s1", drain_timeout=600)
        second.process.pause()
        s1.process.send(signal.SIGTERM)
        eventually(lambda: s1.told(WAITING).get("drained") == "lb1")
        assert s1.told(WAITING)["waiting"] == "lb2"
        found = house.nodes("--agents")
        [entry] = found["endpoints"]
        assert (entry["drained_by"], entry["waits_for"]) == (["lb1"], ["lb2"])
        names = [(agent["name"], agent["services"]) for agent in found["agents"]]
        assert names == [("lb1", ["nodes"]), ("lb2", ["other", "nodes"])]
        s1.process.send(signal.SIGTERM)
        assert s1.process.wait() == 0
        assert s1.told("drained") == {}


@pytest.mark.parametrize("backend", ["file", "etcd", "zookeeper"])
def test_an_agent_that_hangs_is_waited_for_until_the_timeout(tmp_path: Path, backend: str) -> None:
    """Also beside entries that never answered."""
    with House(tmp_path, backend) as house:
        balancer, s1 = house.agent(**LIGHT), house.entry("s1", drain_timeout=1)
        house.put("_agents/bare", json.dumps(made_up("bare")))
        balancer.process.pause()
        s1.process.send(signal.SIGTERM)
        assert s1.process.wait() == 0
        told = s1.told("drain given up")
        assert "lb1" in (told["waiting"] if "waiting" in told else told["gone"])
        assert s1.told("drained") == {}


def made_up(name: str) -> dict[str, object]:
    """What anybody who may write can put among the agents."""
    return {
        "bare": {"address": "127.0.0.1", "port": 1},
        "eager": {"address": "10.0.0.9", "port": 1, "tags": {"services": "nodes", "full": "1"}},
        "large": {"address": "10.0.0.9", "port": 1, "tags": {f"t{n}": "x" * 900 for n in range(9)}},
        "stale": {"address": "10.0.0.9", "port": 1, "tags": {"digest": "abcde.abcde.th6m2o.0.1"}},
    }[name]


@pytest.mark.parametrize("backend", ["file", "etcd", "zookeeper"])
def test_entries_that_never_answered_hold_up_no_stop(tmp_path: Path, backend: str) -> None:
    names = ("bare", "eager", "large", "stale")
    with House(tmp_path, backend) as house:
        house.agent(**LIGHT)
        s1 = house.entry("s1", drain_timeout=600)
        for name in names:
            house.put(f"_agents/{name}", json.dumps(made_up(name)))
        s1.process.send(signal.SIGTERM)
        assert s1.process.wait() == 0
    assert s1.told("drained")["by"] == "lb1"
    assert s1.told("not waited for: never answered")["agents"] == ", ".join(names)


def test_a_copy_of_an_agents_entry_holds_up_no_stop(house: House) -> None:
    house.agent(**LIGHT)
    s1 = house.entry("s1", drain_timeout=600)
    agents = house.folder / "registry" / "_agents"
    (agents / "lb9.json").write_text((agents / "lb1.json").read_text())
    s1.process.send(signal.SIGTERM)
    assert s1.process.wait() == 0
    assert s1.told("not waited for: never answered")["agents"] == "lb9"


def test_an_entry_that_lies_shortens_no_wait(house: House) -> None:
    """Who says at once that all is drained speaks for itself alone."""
    balancer, s1 = house.agent(), house.node("s1")
    balancer.until_up("s1")
    upload = Upload(balancer)
    balancer.until_busy("s1")
    s1.process.send(signal.SIGTERM)
    eventually(lambda: s1.told(WAITING))
    [entry] = house.nodes()["endpoints"]
    asked = Endpoint(**{key: entry[key] for key in ("service", "name", "address", "port", "tags")})
    lie = {"address": "10.0.0.9", "port": 1, "tags": {"drained": token(asked)}}
    house.put("_agents/liar", json.dumps(lie))
    eventually(lambda: s1.told(WAITING).get("drained") == "liar")
    assert not s1.stopped.exists()
    assert upload.finish() == 200
    assert s1.process.wait() == 0


def test_agents_that_keep_to_themselves_or_balance_something_else_are_not_waited_for(
    house: House,
) -> None:
    balancers = [
        house.agent("lb1", **LIGHT, **{"agent.announce": "false"}),
        house.agent("lb2", **LIGHT, services="other"),
    ]
    s1 = house.entry("s1")
    for balancer in balancers:
        balancer.process.pause()
    s1.process.send(signal.SIGTERM)
    assert s1.process.wait() == 0
    assert s1.told(WAITING) == {}


def test_who_is_left_out_as_refused_is_not_waited_for(house: House) -> None:
    template = house.folder / "own.j2"
    template.write_text(OWN_TEMPLATE)
    balancer = house.agent("lb1", **{"jinja2.template": template})
    node = house.entry("lost", "--address", "no-such-host.invalid", drain_timeout=150)
    eventually(lambda: "entry skipped" in balancer.process.log.read_text(), what="the refusal")
    node.process.send(signal.SIGTERM)
    eventually(lambda: node.told("left"), deadline=60, what="the end of the drain")
    assert node.told("drained")


def test_an_agent_is_listed_until_it_stops(house: House) -> None:
    balancer = house.agent("lb1", **LIGHT)
    assert balancer.process.stop() == 0
    found = house.nodes("--agents")
    assert (found["endpoints"], found["problems"], found["agents"]) == ([], [], [])


def test_a_new_name_in_the_settings_takes_the_place_of_the_old(tmp_path: Path) -> None:
    with Scene(tmp_path, agent={"name": "lb1"}) as scene:

        def announced() -> list[str]:
            return [path.name for path in (scene.nodes / "_agents").iterdir()]

        agent = scene.agent()
        eventually(lambda: announced() == ["lb1.json"])
        scene.write_settings(agent={"name": "lb2"})
        agent.send(signal.SIGHUP)
        eventually(lambda: announced() == ["lb2.json"])
