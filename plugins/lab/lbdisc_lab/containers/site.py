"""A whole site in containers: network, registry, balancer, nodes, and traffic through it all.

Nobody writes the address or the name of a node: a node is a container that was started.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from lbdisc.testing.waiting import eventually
from lbdisc_lab import stats
from lbdisc_lab.apart import Apart
from lbdisc_lab.containers.backends import IMAGE, LabBackend
from lbdisc_lab.containers.container import Container, Run
from lbdisc_lab.containers.docker import DockerError
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.demo.ports import quiet_port
from lbdisc_lab.stats import Row, StatsError
from lbdisc_lab.traffic import Counts, Loss, Traffic

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")
SERVICE = "nodes"
HTTP, STATS = 80, 1936  # the balancer's ports
PATIENCE = 20.0  # seconds a client waits; a dead address costs HAProxy 5 to notice
HANG = 60.0  # seconds; catches a hang, measures nothing
STATE_DIR = "/var/lib/lbdisc"


class Site:
    """The containers of ``engine`` on one network, over one registry.

    Leaving the ``with`` block removes them all.
    """

    def __init__(
        self,
        engine: Engine,
        backend: LabBackend,
        *,
        rate: float = 100.0,
        environment: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        self.engine = engine
        self.backend = backend
        self.network = ""
        self.registry: Container | None = None
        self.nodes: dict[str, Container] = {}
        self.options = options  # more words for each ``docker run`` of balancer and nodes
        self.apart = Apart()
        self.commands: list[str] = []  # what was typed, for a person to read
        self._balancer: Container | None = None
        self._told: set[Loss] = set()
        self._environment = dict(environment or {})
        self._http, self._stats = quiet_port(), quiet_port()
        self.traffic = Traffic(self.url, rate=rate, timeout=PATIENCE)

    def __enter__(self) -> Self:
        self.engine.__enter__()
        self.network = self.engine.network("net")
        self.backend.prepare(self.engine)
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: BaseException | None,
        trace: "TracebackType | None",
    ) -> None:
        self.traffic.stop()
        self.engine.__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        """Where the balancer serves, seen from this machine."""
        return f"http://127.0.0.1:{self._http}/"

    @property
    def stats_page(self) -> str:
        return f"http://127.0.0.1:{self._stats}/"

    @property
    def has_balancer(self) -> bool:
        return self._balancer is not None

    @property
    def balancer(self) -> Container:
        assert self._balancer is not None, "the balancer was not started"
        return self._balancer

    @property
    def containers(self) -> dict[str, Container]:
        """All there are, by the names they have in the network."""
        found = {} if self._balancer is None else {"ha": self._balancer}
        found |= self.nodes
        if self.registry is not None:
            found[self.backend.server] = self.registry
        return found

    def start_registry(self) -> None:
        """Start the registry's server, where it has one."""
        self.registry = self.backend.run_server(self.engine, self.network)
        if self.registry is not None:
            name = self.backend.server
            self.commands.append(
                f"docker run --detach --name {name} --network {self.network} {IMAGE.format(name)}"
            )

    def balancer_run(self) -> Run:
        """How the balancer is started."""
        return self._complete(
            Run(image=IMAGE.format("ha"), name="ha", ports={HTTP: self._http, STATS: self._stats})
        )

    def node_run(self, name: str) -> Run:
        """How the node ``name`` is started."""
        return self._complete(Run(image=IMAGE.format("webapp"), name=name))

    def _complete(self, run: Run) -> Run:
        return replace(
            run,
            network=self.network,
            environment={**self.backend.environment, **self._environment, **run.environment},
            volumes=(*self.backend.volumes(self.engine), *run.volumes),
            options=(*self.options, *run.options),
        )

    def start_balancer(self) -> None:
        """Start it; one that was there before is removed."""
        if self._balancer is not None:
            self._balancer.remove()
        self._balancer = self._run(self.balancer_run())

    def start_nodes(self, *names: str) -> None:
        """Start these; that is the whole procedure."""
        for name in names:
            self.nodes[name] = self._run(self.node_run(name))

    def _run(self, run: Run) -> Container:
        self.commands.append(run.line())
        return self.engine.run(run)

    def start_traffic(self) -> None:
        """Begin to count, once the balancer takes connections."""
        self.until(lambda: self._takes_connections(), "the balancer to answer")
        self.traffic.start()

    def _takes_connections(self) -> bool:
        return self.servers() is not None

    def stop_nodes(self, *names: str, seconds: int = 10) -> None:
        """``docker stop`` for all of them at once."""
        if names:
            self.commands.append(f"docker stop {' '.join(names)}")
        self.engine.stop([self.nodes[name] for name in names], seconds)

    def forget_nodes(self, *names: str) -> None:
        """Remove these containers, in whatever state they are."""
        for name in names:
            self.nodes.pop(name).remove()

    def kill_node(self, name: str) -> None:
        """``docker kill``; what was in flight on it counts apart."""
        self.commands.append(f"docker kill {name}")
        with self.apart.because("in flight on a killed node"):
            self.nodes[name].kill()

    def kill_program(self, name: str, program: str) -> float:
        """kill -9 what runs ``program`` in the container ``name``, see ``container.runs``.

        Returns when the supervisor has started another in its place, with the seconds it took.
        """
        container = self.containers[name]
        self.commands.append(f"docker exec {name} kill -9 …  # {program}")
        killed = container.kill_programs(program)
        assert killed, f"no process {program!r} in {name}"
        start = time.monotonic()
        what = f"another {program!r} in {name}"
        self.until(lambda: container.find_programs(program) - killed, what)
        return time.monotonic() - start

    def servers(self) -> dict[str, Row] | None:
        """HAProxy's own list, by container name (else server name); ``None`` if it says nothing."""
        try:
            rows = stats.servers(stats.read(self.stats_page), SERVICE)
        except StatsError:
            return None
        names = {container.host: name for name, container in self.nodes.items()}
        return {names.get(server, server): row for server, row in sorted(rows.items())}

    def up(self) -> set[str]:
        """The nodes that HAProxy gives traffic to."""
        found = self.servers() or {}
        return {name for name, row in found.items() if row.up}

    def listed(self) -> set[str]:
        """The nodes that HAProxy has in its list, but for those set aside."""
        found = self.servers() or {}
        return {name for name, row in found.items() if not row.status.startswith("MAINT")}

    def until_up(self, *names: str, deadline: float = HANG) -> None:
        """Until HAProxy gives traffic to exactly these. Raises ``AssertionError``."""
        wanted = set(names)
        self.until(lambda: self.up() == wanted, f"{sorted(wanted)} to be up", deadline=deadline)

    def until_listed(self, *names: str, deadline: float = HANG) -> None:
        """Until HAProxy lists exactly these, in whatever health. Raises ``AssertionError``."""
        wanted = set(names)
        what = f"{sorted(wanted)} to be listed"
        self.until(lambda: self.servers() is not None and self.listed() == wanted, what)

    def until_served(self, more: int = 20, *names: str) -> Counts:
        """Until so many more requests were served, and some by each of ``names``."""
        start, hosts = self.counts(), {self.host(name) for name in names}

        def served() -> Counts | None:
            since = self.counts().since(start)
            return since if since.served >= more and hosts <= set(since.nodes) else None

        what = f"{more} more requests served, by {', '.join(names) or 'any'}"
        found = self.until(served, what)
        assert found is not None
        return found

    def until(self, probe: Callable[[], T], what: str, *, deadline: float = HANG) -> T:
        """Until ``probe`` is true; says what HAProxy has when it never is."""
        try:
            return eventually(probe, deadline=deadline, every=0.05, what=what)
        except AssertionError as error:
            servers = {name: row.status for name, row in (self.servers() or {}).items()}
            raise AssertionError(f"{error}; HAProxy has {servers}") from None

    def host(self, name: str) -> str:
        """What the node ``name`` calls itself: its container's host name."""
        return self.nodes[name].host

    def counts(self) -> Counts:
        return self.traffic.counts()

    def losses(self) -> list[Loss]:
        """The requests so far that had no right to get lost."""
        return self.apart.real(self.traffic.lost)

    def new_losses(self) -> list[Loss]:
        """Those of ``losses`` that no earlier call has returned, so that each is told once."""
        found = [loss for loss in self.losses() if loss not in self._told]
        self._told.update(found)
        return found

    def status(self) -> dict[str, Any]:
        """What the agent in the balancer says of itself; nothing while it cannot."""
        try:
            found: dict[str, Any] = json.loads(
                self.balancer.execute("cat", f"{STATE_DIR}/status.json")
            )
        except (DockerError, ValueError):
            return {}
        return found

    def config(self) -> str:
        """The configuration that lbdisc wrote, as HAProxy read it."""
        return self.balancer.execute("cat", f"{STATE_DIR}/haproxy.cfg")

    def known(self) -> str:
        """The list of nodes as the registry has it (``lbdisc nodes``)."""
        return self.balancer.execute("lbdisc", "nodes", "--agents")

    def folder(self) -> str:
        """The folder of node files that balancer and nodes share, file by file."""
        return self.balancer.execute("sh", "-c", f"cd {self.backend.volume} && grep -r . . | sort")
