"""The lab's own way: Serf's event handler writes node files and starts a second HAProxy.

Kinder than the lab's: rendered by a shell script (the lab starts Node.js for it), and without the
second that its supervisor waits before a restart.
"""

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import psutil

from lbdisc.environment import for_child
from lbdisc.haproxy.sockets.rows import ServerState as Row
from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import (
    Deployment,
    LiveNode,
    Missing,
    Part,
    Promises,
    Seat,
    ServerState,
    Size,
    Unable,
)
from lbdisc_compare.contenders.outside.deployment import SERVE_PORT, OutsideDeployment
from lbdisc_compare.contenders.outside.haproxy import serves, shown
from lbdisc_compare.contenders.outside.parts import ProgramPart, web_app
from lbdisc_compare.contenders.outside.serf_agent import serf_process
from lbdisc_compare.contenders.programs import kill_all, signal_all
from lbdisc_compare.contenders.serf_promises import MOST_AGENTS
from lbdisc_compare.hosts.host import Host, HostSet
from lbdisc_compare.installing import absent_programs, version_of

FEW = 3  # members that a balancer asks to let it join
SCRIPTS = Path(__file__).with_name("lab")
HEAD = """global
    stats socket {folder}/haproxy.sock level admin
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s
frontend localnodes
    bind {address}:{port}
    option forwardfor
    http-request set-header X-Forwarded-Port %[dst_port]
    default_backend nodes
backend nodes
    balance roundrobin
    option httpchk HEAD /
"""


class LabContender:
    name = "lab"
    title = "The lab's scripts, Serf"
    family: Literal["outsider"] = "outsider"

    @property
    def promises(self) -> Promises:
        return Promises(
            servers="none: an agent on each node",
            ports="7946 between all (TCP, UDP)",
            quorum="none",
            clock="none",
            words="whom the agents believe failed is out; each event starts a second HAProxy that "
            "knows nothing of the first one's checks, and some requests meet neither",
            shows_in="crash",
            crash_formula="Serf's suspicion, as for lbdisc on Serf with profile lan; then a start "
            "of HAProxy",
            crash_source="HashiCorp, memberlist: suspicion.go, config.go (DefaultLANConfig)",
        )

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            "serf": "profile lan (default), a handler for member-join, -leave and -failed",
            "haproxy": "haproxy -D -sf, the lab's configuration, HAProxy's own checks' defaults",
            "snapshot": "on: a balancer's agent that starts again finds its members",
        }

    def missing(self) -> Sequence[Missing]:
        return absent_programs(
            Missing(program="haproxy", package="haproxy", source="debian"),
            Missing(program="serf", package="serf", source="debian"),
        )

    def versions(self) -> Mapping[str, str]:
        return {
            "haproxy": version_of("haproxy", "-v"),
            "serf": version_of("serf", "version").removeprefix("Serf v"),
        }

    @contextmanager
    def deploy(self, hosts: HostSet, size: Size) -> Iterator[Deployment]:
        with LabDeployment(hosts, size).opened() as deployment:
            yield deployment


class LabSeat:
    """A Serf agent, and the HAProxies that its handler starts."""

    port = SERVE_PORT

    def __init__(self, host: Host, folder: Path, serf: Process, *, checks: bool) -> None:
        self.name, self.host = host.name, host
        self._folder = folder
        self._socket = folder / "haproxy.sock"
        self._serf = ProgramPart(f"{host.name} serf", host, serf)
        self.steering: Sequence[Part] = (self._serf,)
        (folder / "nodes").mkdir()
        head = HEAD.format(folder=folder, address=host.address, port=SERVE_PORT)
        (folder / "head.cfg").write_text(head)
        (folder / "check").write_text("check" if checks else "")

    @property
    def pids(self) -> Sequence[int]:
        return [*self._serf.pids, *self._haproxies()]

    def _haproxies(self) -> list[int]:
        """The processes that run the configuration of this balancer."""
        config = str(self._folder / "haproxy.cfg")
        found = psutil.process_iter(["name", "cmdline"])
        return [
            one.pid
            for one in found
            if one.info["name"] == "haproxy" and config in (one.info["cmdline"] or ())
        ]

    def start(self) -> None:
        (self._folder / "haproxy.pid").unlink(missing_ok=True)
        words = self.host.command("sh", SCRIPTS / "restart.sh", self._folder)
        subprocess.run(
            words, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=for_child()
        )
        eventually(lambda: serves(self._socket), what="the lab's HAProxy")
        self._serf.start()

    def kill(self) -> None:
        self._serf.kill()
        kill_all(self._haproxies())

    def pause(self) -> None:
        signal_all(signal.SIGSTOP, self.pids)

    def resume(self) -> None:
        signal_all(signal.SIGCONT, self.pids)

    def servers(self) -> Mapping[str, ServerState]:
        return shown(self._socket, _named)

    def stages(self, name: str) -> Mapping[str, float]:
        return {}


def _named(row: Row) -> str:
    return row.server


class LabNode(ProgramPart):
    """A web app, and the Serf agent by which the cluster knows of it."""

    def __init__(self, name: str, host: Host, app: Process, serf: Process) -> None:
        super().__init__(name, host, app, serf)
        self._app, self._serf = app, serf
        self.registrar: Part | None = ProgramPart(f"{name} serf", host, serf)

    def leave(self) -> None:
        self._serf.stop(signal.SIGINT)
        self._app.stop()


class LabDeployment(OutsideDeployment):
    """Serf agents beside balancers and nodes; a node joins when its agent starts."""

    def __init__(self, hosts: HostSet, size: Size) -> None:
        super().__init__(hosts, size)
        self._agents: dict[str, Process] = {}

    def begin(self) -> None:
        """There is no server: the first balancer's agent is whom the others join."""

    @property
    def _seed(self) -> str:
        return self.hosts.host("balancer0").address

    def make_seat(self, host: Host) -> Seat:
        folder = self.hosts.folder / host.name
        folder.mkdir(parents=True)
        handler = f"member-join,member-leave,member-failed=sh {SCRIPTS}/handler.sh {folder}"
        more: dict[str, Any] = {
            "event_handlers": [handler],
            "snapshot_path": str(folder / "snapshot"),
        }
        join = [*self._some(), *([] if host.address == self._seed else [self._seed])]
        serf = serf_process(host, folder, host.name, {"role": "balancer"}, join=join, more=more)
        return LabSeat(host, folder, serf, checks=self.size.checks)

    def _some(self) -> list[str]:
        """Nodes to join: a balancer that comes later may find the first one gone."""
        return [self.place(name)[0] for name in list(self._agents)[:FEW]]

    def _agent(self, name: str) -> Process:
        host, port = self._places.of(name)
        tags = {"role": "backend", "port": str(port)}
        return serf_process(host, self.node_folder(name), name, tags, join=[self._seed])

    def join(self, name: str, *, weight: int = 100) -> None:
        agent = self._agents[name] = self._agent(name)
        self.callback(agent.kill)
        agent.start()

    def join_all(self, names: Sequence[str]) -> None:
        if len(self._agents) + len(names) > MOST_AGENTS:
            raise Unable(f"each node has a Serf agent; {MOST_AGENTS} are the most on one machine")
        super().join_all(names)

    def weigh(self, name: str, weight: int) -> None:
        raise Unable("the lab's scripts know no weight: each server has the same")

    def leave(self, name: str) -> None:
        self._agents.pop(name).stop(signal.SIGINT)

    def make_node(self, name: str, host: Host, port: int) -> LiveNode:
        app = web_app(name, host, port, self.node_folder(name))
        return LabNode(name, host, app, self._agent(name))
