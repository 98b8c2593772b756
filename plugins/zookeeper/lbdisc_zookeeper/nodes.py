"""Reading nodes: what is too large for a record is hardly ever fetched, or looked at often."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lbdisc.raw import Oversized
from lbdisc.records import MAX_RECORD
from lbdisc_zookeeper.client import WINDOW, ZooKeeperClient
from lbdisc_zookeeper.signals import Content, Locked
from lbdisc_zookeeper.tree import Tree

PART = WINDOW // 2  # nodes that are asked for together
FEW = 10  # nodes too large in one part, beyond which sizes are asked for first
CALM = 1.0  # seconds between two looks at what is refused


class NodeReader:
    """Asks for the size first where a node was refused, or nodes that are too large were met."""

    def __init__(self, client: ZooKeeperClient, tree: Tree) -> None:
        self._client = client
        self._tree = tree

    def read(self, paths: Iterable[str]) -> Iterator[tuple[str, Content | Locked | None]]:
        """What each node holds, ``None`` where it is gone. What may be read has a watch then."""
        wary, rest = False, list(paths)
        for first in range(0, len(rest), PART):
            part = rest[first : first + PART]
            asked = part if wary else [path for path in part if self._tree.refused(path)]
            small = set(part).difference(asked)
            large = 0
            for path, size in self._client.all_sizes(asked):
                if size is None:
                    yield path, None
                elif size > MAX_RECORD:
                    large += 1
                    yield path, Content(Oversized(size), 0, 0, 0.0)
                else:
                    small.add(path)
            for path, record in self._client.all_records(path for path in part if path in small):
                large += isinstance(record, Content) and isinstance(record.record, Oversized)
                yield path, record
            wary = large > FEW


@dataclass(frozen=True, slots=True)
class Late:
    """Of changed paths, those that are ``held`` back for now, and earlier ones that are ``due``."""

    held: set[str]
    due: set[str]


class Postponed:
    """Paths that change while they are refused: looked at once in ``CALM`` seconds."""

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._next = 0.0

    def take(self, changed: set[str], refused: Callable[[str], bool]) -> Late:
        """``changed`` have changed."""
        held = {path for path in changed if refused(path)}
        self._paths |= held
        if time.monotonic() < self._next or not self._paths:
            return Late(held, set())
        due, self._paths = self._paths, set()
        self._next = time.monotonic() + CALM
        return Late(held, due)
