"""What the deployments of all alternatives do in the same way."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from lbdisc_compare.apps.apps import NodeApps
from lbdisc_compare.contenders.contender import LiveNode, Part, Seat, Size
from lbdisc_compare.contenders.node_places import NodePlaces
from lbdisc_compare.contenders.outside.parts import WrittenNode, web_app
from lbdisc_compare.hosts.host import Host, HostSet

SERVE_PORT = 8080  # of each balancer, on its own address
AT_ONCE = 8  # nodes that are started side by side


class OutsideDeployment(ExitStack, ABC):
    """A registry, balancers and nodes. Leaving it ends all of them."""

    def __init__(self, hosts: HostSet, size: Size) -> None:
        super().__init__()
        self.hosts = hosts
        self.size = size
        self.registry: Sequence[Part] = ()
        self._seats: list[Seat] = []
        self._places = NodePlaces(hosts)
        self._apps = NodeApps()

    @abstractmethod
    def begin(self) -> None:
        """Start the registry; its end is for ``callback``."""

    @abstractmethod
    def make_seat(self, host: Host) -> Seat:
        """A balancer on ``host`` that is not started."""

    @abstractmethod
    def join(self, name: str, *, weight: int = 100) -> None: ...

    @abstractmethod
    def weigh(self, name: str, weight: int) -> None: ...

    @abstractmethod
    def leave(self, name: str) -> None: ...

    @contextmanager
    def opened(self) -> Iterator[Self]:
        with self, self._apps:
            self.begin()
            for _ in range(self.size.balancers):
                self.add_seat().start()
            yield self

    @property
    def seats(self) -> Sequence[Seat]:
        return tuple(self._seats)

    def leader(self) -> Part | None:
        return None

    def place(self, name: str) -> tuple[str, int]:
        host, port = self._places.of(name)
        return host.address, port

    def serve(self, *names: str) -> None:
        for name in names:
            self._apps.open(name, *self._places.of(name))

    def add_seat(self) -> Seat:
        seat = self.make_seat(self.hosts.host(f"balancer{len(self._seats)}"))
        self.callback(seat.kill)
        self._seats.append(seat)
        return seat

    def join_all(self, names: Sequence[str]) -> None:
        for name in names:
            self.join(name)

    def register(self, name: str) -> LiveNode:
        return self.register_all([name])[0]

    def register_all(self, names: Sequence[str]) -> Sequence[LiveNode]:
        nodes = [self.make_node(name, *self._places.of(name)) for name in names]
        for node in nodes:
            self.callback(node.kill)
        with ThreadPoolExecutor(AT_ONCE) as side_by_side:
            list(side_by_side.map(_start, nodes))
        return nodes

    def make_node(self, name: str, host: Host, port: int) -> LiveNode:
        """One that a client of the node's own writes, unless a way has something better."""
        app = web_app(name, host, port, self.node_folder(name))
        return WrittenNode(name, host, app, _later(self.join, name), _later(self.leave, name))

    def node_folder(self, name: str) -> Path:
        folder = self.hosts.folder / "nodes" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _start(node: LiveNode) -> None:
    node.start()


def _later(act: Callable[[str], None], name: str) -> Callable[[], None]:
    return lambda: act(name)


__all__ = ["SERVE_PORT", "OutsideDeployment"]
