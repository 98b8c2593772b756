"""A registry in memory with room for one entry, and the registrar for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from lbdisc.values import Endpoint

LEASE = 0.03  # seconds; so the core puts every ten milliseconds


class Ledger:
    """Notes every state it is told; the test decides what it answers.

    ``trouble`` is raised by every call, ``rival`` holds the name, ``may_go`` lets an entry go,
    ``may_answer`` lets a put return, whose entry readers see before.
    """

    def __init__(self) -> None:
        self.lease = LEASE
        self.told: list[str] = []
        self.entry: Endpoint | None = None
        self.trouble: BaseException | None = None
        self.rival = ""
        self.found = False
        self.lost: Event | None = Event()
        self.may_go = Event()
        self.may_go.set()
        self.may_answer = Event()
        self.may_answer.set()
        self.leaving = Event()
        self.opened = 0
        self.puts = 0

    @property
    def state(self) -> str:
        return self.told[-1] if self.told else ""

    @contextmanager
    def open(self, endpoint: Endpoint, stop: Event) -> Iterator["Ledger"]:
        self.opened += 1
        self._fail()
        yield self

    def put(self, endpoint: Endpoint) -> bool:
        self.puts += 1
        self._fail()
        if self.rival:
            return False
        self.found = endpoint == self.entry
        if not self.found:
            self.entry = endpoint
            self.told.append(f"{endpoint.state} {endpoint.address}")
        self.may_answer.wait(30)
        return True

    def remove(self) -> None:
        self._fail()
        self.leaving.set()
        self.may_go.wait(30)
        self.entry = None
        self.told.append("gone")

    def lose(self) -> None:
        """The entry is gone, and the registry tells."""
        self.entry = None
        self.tell()

    def tell(self) -> None:
        """Something happened to the name."""
        assert self.lost is not None
        self.lost.set()

    def _fail(self) -> None:
        if self.trouble is not None:
            raise self.trouble
