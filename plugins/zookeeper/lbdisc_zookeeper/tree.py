"""What is known of the registry's nodes, and the snapshot it makes; no connection in here."""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from lbdisc.listed import Listed
from lbdisc.problems import Problems
from lbdisc.reading import read_entry
from lbdisc.values import Endpoint, Problem, Snapshot, check_name, check_service

Parse = Callable[[bytes, str, str], Endpoint | None]  # record, service, name


@dataclass(frozen=True, slots=True)
class Node:
    """A node as it was read last; no endpoint: a problem, or not there by its own words."""

    record: bytes
    endpoint: Endpoint | None = None


class Tree:
    """The nodes below ``root`` by service and name, ``None`` while one is listed but not read.

    Where ``only`` names a service, there is no other.
    """

    def __init__(self, root: str, parse: Parse, only: str = "") -> None:
        self.root = root
        self._only = only
        self._parse = parse
        self._services: dict[str, dict[str, Node | None]] = {}
        self._problems = Problems[str]()
        self._badly_named: dict[str, set[str]] = {}  # by the path above
        self._listed = Listed()
        self._left: dict[tuple[str, str], Endpoint] = {}

    @property
    def services(self) -> list[str]:
        return sorted(self._services)

    def paths(self) -> Iterator[str]:
        """The paths of all nodes."""
        for service, nodes in self._services.items():
            for name in nodes:
                yield self.path(service, name)

    def path(self, service: str, name: str = "") -> str:
        return "/".join([self.root, service, name] if name else [self.root, service])

    def split(self, path: str) -> tuple[str, str] | None:
        """Service and name (``""`` for the service itself) of ``path``, ``None`` for the root."""
        below = path[len(self.root) :].strip("/")
        if not below:
            return None
        service, _, name = below.partition("/")
        return service, name

    def list_services(self, names: Iterable[str], changed: Container[str] = ()) -> list[str]:
        """Take over the services there are; returns the new ones. ``changed``: see ``drop``."""
        found = self._named((n for n in names if self._only in ("", n)), self.root)
        for service in self._services.keys() - found:
            self.drop_service(service, changed)
        new = sorted(found - self._services.keys())
        for service in new:
            self._services[service] = {}
        return new

    def drop_service(self, service: str, changed: Container[str] = ()) -> None:
        for name in list(self._services.get(service, ())):
            self.drop(service, name, changed)
        self._services.pop(service, None)
        self._named((), self.path(service))

    def list_names(
        self, service: str, names: Iterable[str], changed: Container[str] = ()
    ) -> list[str]:
        """Take over the names in ``service``; returns the paths of the new ones.

        ``changed``: see ``drop``.
        """
        nodes = self._services.setdefault(service, {})
        found = self._named(names, self.path(service))
        for name in nodes.keys() - found:
            self.drop(service, name, changed)
        new = sorted(found - nodes.keys())
        nodes.update(dict.fromkeys(new))
        return [self.path(service, name) for name in new]

    def _named(self, names: Iterable[str], parent: str) -> set[str]:
        """Those of ``names`` that may name something; the others are problems."""
        before, bad, found = self._badly_named.pop(parent, set()), set[str](), set[str]()
        check = check_service if parent == self.root else check_name
        for name in names:
            if not parent and name == "zookeeper":
                continue  # ZooKeeper's own, at its root
            if name in before:
                bad.add(name)
                continue
            path = f"{parent}/{name}"
            checked = read_entry(path, partial(check, name))
            if isinstance(checked, Problem):
                bad.add(name)
                self._problems.put(path, checked)
            else:
                found.add(checked)
        for name in before - bad:
            self._problems.drop(f"{parent}/{name}")
        if bad:
            self._badly_named[parent] = bad
        return found

    def put(self, service: str, name: str, record: bytes) -> None:
        """Take over what a node holds."""
        nodes = self._services.setdefault(service, {})
        known = nodes.get(name)
        if known is None or known.record != record:
            nodes[name] = node = self._read(service, name, record)
            if node.endpoint is None:
                self._listed.drop((service, name))
            else:
                self._listed.put(node.endpoint)
        self._left.pop((service, name), None)

    def _read(self, service: str, name: str, record: bytes) -> Node:
        path = self.path(service, name)
        found = read_entry(path, partial(self._parse, record, service, name))
        if isinstance(found, Problem):
            self._problems.put(path, found)
            return Node(record)
        self._problems.drop(path)
        return Node(record, endpoint=found)

    def drop(self, service: str, name: str, changed: Container[str] = ()) -> None:
        """A node is gone; ``changed`` are the paths of those that changed since they were read.

        The session of a change ends, by itself, no earlier than its time-out later; a node that is
        gone at once was removed on purpose, so it left cleanly.
        """
        node = self._services.get(service, {}).pop(name, None)
        self._problems.drop(self.path(service, name))
        self._listed.drop((service, name))
        if node is None or node.endpoint is None:
            return
        if node.endpoint.draining or self.path(service, name) in changed:
            self._left[service, name] = node.endpoint

    def take_left(self) -> list[Endpoint]:
        """The endpoints that left cleanly since the last call, as draining."""
        left = [endpoint.drain() for endpoint in self._left.values()]
        self._left.clear()
        return left

    def snapshot(self) -> Snapshot:
        return Snapshot(self._listed.endpoints, self._problems.named, self._problems.more)
