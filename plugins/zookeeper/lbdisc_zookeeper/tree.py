"""What is known of the registry's nodes, and the snapshot it makes; no connection in here."""

from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial

from lbdisc import records
from lbdisc.entries import Entries
from lbdisc.leases import Lease
from lbdisc.raw import Raw, content, digest
from lbdisc.reading import read_entry
from lbdisc.values import Endpoint, Problem, Snapshot, check_name, check_service

Parse = Callable[[bytes, str, str], Endpoint | None]  # record, service, name


UNREAD = "//"  # after a path: no path of a node
MOST_SHOWN = 300  # characters of a path that something is kept by
_CONTAINER, _EXTENDED = -(1 << 63), -1  # an owner, and the first byte of one
_UNSIGNED = (1 << 64) - 1  # a number in Java has a sign


class Tree:
    """The nodes below ``root`` by service and name. Where ``only`` names a service, it is alone.

    ``says_ttl``: records may say how long they are good for, as version 1 has it. Of what a node
    holds nothing is kept but the endpoint, or why it is refused.
    """

    def __init__(self, root: str, parse: Parse, only: str = "", *, says_ttl: bool = True) -> None:
        self.root = root
        self._only = only
        self._parse = parse
        self._says_ttl = says_ttl
        self._services: dict[str, dict[str, bytes]] = {}  # digests, empty while a node is not read
        self._entries = Entries[str]()  # by path
        self._misnamed: dict[str, set[str]] = {}  # by parent, what a bad name is kept by
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
        self._entries.remove(self.path(""))
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
        self._forget_problems(self.path(service))
        self._entries.remove(self.path(service))

    def list_names(
        self, service: str, names: Iterable[str], changed: Container[str] = ()
    ) -> list[str]:
        """Take over the names in ``service``; returns the paths of the new ones.

        ``changed``: see ``drop``.
        """
        nodes = self._services.setdefault(service, {})
        self._entries.remove(self.path(service))
        found = self._named(names, self.path(service))
        for name in nodes.keys() - found:
            self.drop(service, name, changed)
        new = sorted(found - nodes.keys())
        nodes.update(dict.fromkeys(new, b""))
        return [self.path(service, name) for name in new]

    def _named(self, names: Iterable[str], parent: str) -> set[str]:
        """Those of ``names`` that may name something; the others are problems."""
        self._forget_problems(parent)
        found = set()
        check = check_service if parent == self.root else check_name
        for name in names:
            if not parent and name == "zookeeper":
                continue  # ZooKeeper's own, at its root
            path = f"{parent}/{name}"
            checked = read_entry(path, partial(check, name))
            if isinstance(checked, Problem):
                self._misname(parent, path, checked)
            else:
                found.add(checked)
        return found

    def _misname(self, parent: str, path: str, problem: Problem) -> None:
        # A name may be as long as ZooKeeper's packets; what begins alike is one problem.
        kept = path[:MOST_SHOWN] + "/"  # no path of a node
        self._entries.put(kept, problem)
        self._misnamed.setdefault(parent, set()).add(kept)

    def _forget_problems(self, parent: str) -> None:
        for kept in self._misnamed.pop(parent, ()):
            self._entries.remove(kept)

    def unlisted(self, service: str = "") -> None:
        """The names in ``service``, or those of all services, are too many: the known ones stay."""
        path = self.path(service)
        self._entries.put(path, Problem(path, "its names are too many, or too long, to be read"))

    def forbid(self, service: str, name: str, why: str) -> None:
        """A node, or the names in a service (no ``name``), may not be read: what is known stays."""
        path = self.path(service, name)
        if not name or not self._services.get(service, {}).get(name):
            self._entries.put(path, Problem(path, why))
        else:
            self._entries.put(path + UNREAD, Problem(path, why))

    @property
    def reads_nothing(self) -> bool:
        """Whether no node at all was read."""
        return not any(found for nodes in self._services.values() for found in nodes.values())

    def put(self, service: str, name: str, record: Raw, session: int = 0) -> None:
        """Take over what a node holds, and the ``session`` that it lives with, 0 for none."""
        path, found, by = self.path(service, name), digest(record), lives_by(session)
        self._entries.remove(path + UNREAD)
        nodes = self._services.setdefault(service, {})
        if nodes.get(name) == found:
            if by is not None:
                self._entries.lives_by(path, by)
        else:
            nodes[name] = found
            says_ttl = self._says_ttl and isinstance(record, bytes)
            ttl_s = records.ttl_in(content(record)) if says_ttl else None
            parse = partial(self._read, record, service, name)
            self._entries.put(path, read_entry(path, parse), by=by, ttl_s=ttl_s)
        self._left.pop((service, name), None)

    def _read(self, record: Raw, service: str, name: str) -> Endpoint | None:
        return self._parse(content(record), service, name)

    def refused(self, path: str) -> bool:
        """Whether the node at ``path`` was read, and is a problem."""
        return self._entries.refused(path)

    def drop(self, service: str, name: str, changed: Container[str] = ()) -> None:
        """A node is gone; ``changed`` are the paths of those that changed since they were read.

        The session of a change ends, by itself, no earlier than its time-out later; a node that is
        gone at once was removed on purpose, so it left cleanly.
        """
        self._services.get(service, {}).pop(name, None)
        path = self.path(service, name)
        gone = self._entries.remove(path, end="deleted" if path in changed else "")
        self._entries.remove(path + UNREAD)
        if gone is not None and (gone.draining or path in changed):
            self._left[service, name] = gone

    def take_left(self) -> list[Endpoint]:
        """The endpoints that left cleanly since the last call, as draining."""
        left = [endpoint.drain() for endpoint in self._left.values()]
        self._left.clear()
        return left

    def snapshot(self) -> Snapshot:
        return self._entries.snapshot()

    def take_leases(self) -> tuple[Lease, ...]:
        """What is news of leases since the last call."""
        return self._entries.take_leases()


def lives_by(session: int) -> str | None:
    """What a node with that ephemeral owner lives by; ``None`` for one of another kind.

    Containers and nodes with a time of their own have numbers there that are no session's
    (ZooKeeper's ``EphemeralType``).
    """
    if session == _CONTAINER or session >> 56 == _EXTENDED:
        return None
    return f"session {session & _UNSIGNED:#x}" if session else ""
