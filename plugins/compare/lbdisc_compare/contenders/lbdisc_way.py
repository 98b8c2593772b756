"""lbdisc with one of its backends, as a contender."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Literal

from lbdisc_compare.apps.apps import NodeApps
from lbdisc_compare.contenders import lbdisc_settings
from lbdisc_compare.contenders.contender import Deployment, Missing, Part, Promises, Size
from lbdisc_compare.contenders.lbdisc_backing import Backing, NodeEntry
from lbdisc_compare.contenders.lbdisc_node import RegisteredNode, start_all
from lbdisc_compare.contenders.lbdisc_seat import AgentSeat
from lbdisc_compare.contenders.lbdisc_settings import Settings
from lbdisc_compare.contenders.node_places import NodePlaces
from lbdisc_compare.hosts.host import HostSet
from lbdisc_lab.servers.machines import port_on

SERVE_PORT = 8080

Opening = Callable[[HostSet], AbstractContextManager[Backing]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LbdiscWay:
    """``lbdisc run`` with a managed HAProxy on each balancer, on the registry that ``open`` starts.

    ``own`` are settings of the agents beside those that all have.
    """

    name: str
    title: str
    promises: Promises
    open: Opening
    settings: Mapping[str, str]
    lacks: Callable[[], Sequence[Missing]]
    runs: Callable[[], Mapping[str, str]]
    own: Settings = field(default_factory=dict)
    family: Literal["lbdisc"] = "lbdisc"

    def missing(self) -> Sequence[Missing]:
        return self.lacks()

    def versions(self) -> Mapping[str, str]:
        return self.runs()

    @contextmanager
    def deploy(self, hosts: HostSet, size: Size) -> Iterator[Deployment]:
        with (
            self.open(hosts) as backing,
            NodeApps() as apps,
            LbdiscDeployment(hosts, backing, apps, size, self.own) as deployment,
        ):
            deployment.start_seats()
            yield deployment


class LbdiscDeployment(ExitStack):
    """Seats, nodes and a backing. Leaving it kills seats and registered nodes."""

    def __init__(
        self, hosts: HostSet, backing: Backing, apps: NodeApps, size: Size, own: Settings
    ) -> None:
        super().__init__()
        self._hosts, self._backing, self._apps = hosts, backing, apps
        self._size, self._own = size, own
        self._places = NodePlaces(hosts)
        self._entries: dict[str, NodeEntry] = {}
        self.seats: list[AgentSeat] = []

    def start_seats(self) -> None:
        """Start the balancers; returns once a generation runs on each."""
        for _ in range(self._size.balancers):
            self.add_seat().launch()
        for seat in self.seats:
            seat.wait_ready()

    def add_seat(self) -> AgentSeat:
        host = self._hosts.host(f"balancer{len(self.seats)}")
        folder, port = self._hosts.folder / host.name, port_on(host, SERVE_PORT)
        state = folder / "state"
        state.mkdir(parents=True)
        backing = {**self._backing.agent_settings(host), **self._own}
        settings = lbdisc_settings.agent_settings(state, host, port, self._size, backing)
        file = lbdisc_settings.write(folder / "lbdisc.toml", settings)
        seat = AgentSeat(host, port, file, state)
        self.callback(seat.kill)
        self.seats.append(seat)
        return seat

    @property
    def registry(self) -> Sequence[Part]:
        return self._backing.parts

    @property
    def gossips(self) -> bool:
        return bool(getattr(self._backing, "gossips", False))

    def leader(self) -> Part | None:
        return self._backing.leader()

    def place(self, name: str) -> tuple[str, int]:
        host, port = self._places.of(name)
        return host.address, port

    def serve(self, *names: str) -> None:
        for name in names:
            self._apps.open(name, *self._places.of(name))
        self._backing.welcome({name: self._places.of(name)[0] for name in names})

    def join(self, name: str, *, weight: int = 100) -> None:
        self._put(self._entry(name, weight))

    def join_all(self, names: Sequence[str]) -> None:
        entries = [self._entry(name, 100) for name in names]
        self._backing.put_all(entries)
        self._entries.update((entry.name, entry) for entry in entries)

    def _entry(self, name: str, weight: int) -> NodeEntry:
        host, port = self._places.of(name)
        return NodeEntry(name=name, host=host, port=port, weight=weight)

    def _put(self, entry: NodeEntry) -> None:
        self._backing.put(entry)
        self._entries[entry.name] = entry

    def weigh(self, name: str, weight: int) -> None:
        self._put(self._entry(name, weight))

    def leave(self, name: str) -> None:
        """What a registrar does: draining, then gone."""
        host, port = self._places.of(name)
        weight = self._entries[name].weight if name in self._entries else 100
        self._put(NodeEntry(name=name, host=host, port=port, weight=weight, state="draining"))
        self._backing.remove(name)
        del self._entries[name]

    def register(self, name: str) -> RegisteredNode:
        return self.register_all([name])[0]

    def register_all(self, names: Sequence[str]) -> Sequence[RegisteredNode]:
        nodes = [self._node(name) for name in names]
        start_all(nodes)
        return nodes

    def _node(self, name: str) -> RegisteredNode:
        host, port = self._places.of(name)
        folder = self._hosts.folder / "nodes" / name
        backing = self._backing.node_settings(name, host)
        settings = lbdisc_settings.node_settings(folder / "state", name, host, port, backing)
        file = lbdisc_settings.write(folder / "lbdisc.toml", settings)
        node = RegisteredNode(name, host, port, file)
        self.callback(node.kill)
        return node
