"""What the deployments of all alternatives do in the same way."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self, TypeVar

from lbdisc_compare.contenders.contender import LiveNode, Part, Seat, Size
from lbdisc_compare.contenders.outside.parts import ProgramPart, WebNodes, WrittenNode
from lbdisc_compare.hosts.host import Host, HostSet

SERVE_PORT = 8080  # of each balancer, on its own address
FILLED = "f{}"  # the names of nodes that nobody serves

S = TypeVar("S", bound=ProgramPart)


class OutsideDeployment(ABC):
    """A registry, balancers and nodes; ``opened`` starts and ends it."""

    def __init__(self, hosts: HostSet, size: Size) -> None:
        self.hosts = hosts
        self.size = size
        self.nodes = WebNodes(hosts)
        self._registry: list[ProgramPart] = []
        self._seats: list[Seat] = []
        self._live: list[LiveNode] = []

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
        try:
            for server in self._registry:
                server.start()
            for _ in range(self.size.balancers):
                self.add_seat().start()
            yield self
        finally:
            self.close()

    def close(self) -> None:
        """End all that runs."""
        for part in (*self._live, *self._seats, *self._registry):
            part.kill()
        self.nodes.stop()

    @property
    def seats(self) -> Sequence[Seat]:
        return tuple(self._seats)

    @property
    def registry(self) -> Sequence[Part]:
        return tuple(self._registry)

    def leader(self) -> Part | None:
        return None

    def place(self, name: str) -> tuple[str, int]:
        return self.nodes.place(name)

    def serve(self, *names: str) -> None:
        self.nodes.serve(*names)

    def add_seat(self) -> Seat:
        seat = self.make_seat(self.hosts.host(f"ha{len(self._seats) + 1}"))
        self._seats.append(seat)
        return seat

    def fill(self, count: int) -> Sequence[str]:
        names = [FILLED.format(number) for number in range(1, count + 1)]
        for name in names:
            self.join(name)
        return names

    def register(self, name: str) -> LiveNode:
        """A client of the node's own writes it, once, at its start; nothing expires."""
        node = WrittenNode(name, self.nodes, lambda: self.leave(name))
        self.hold(node)
        self.join(name)
        return node

    def hold(self, node: "LiveNode") -> None:
        """Start ``node``, and end it with the rest."""
        self._live.append(node)
        node.start()


__all__ = ["SERVE_PORT", "OutsideDeployment"]
