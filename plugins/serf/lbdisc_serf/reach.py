"""Whether the local agent reaches any of the living, asked without a join, in a thread.

An agent joins one member at a time, and one that is frozen takes it ten seconds (memberlist's TCP
timeout, a WAN's thirty): whoever lives waits behind. Serf's own query ``_serf_ping``, that of
``serf reachability``, is gossiped to all at once, and who lives answers the asker directly.
"""

import random
import time
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Self

from lbdisc_serf.contact import Contact
from lbdisc_serf.members import Member
from lbdisc_serf.rpc import SerfClient
from lbdisc_serf.wire import RpcError

ANSWER = 2.0  # seconds in which one of those who were asked answers, if any lives
SLICE = 0.1  # seconds between two looks at whether it is over
PAUSE = 0.5  # seconds between two questions, and after a failure of the agent
MOST = 600  # bytes of names in a question; Serf allows 1,024 for all of a query


class Reach:
    """Asks some of the living, others each time, until one answers; then ``contact`` has it.

    ``told`` is called after each question, whether somebody answered or nobody.
    """

    def __init__(
        self,
        connect: Callable[[Callable[[], bool]], SerfClient],
        contact: Contact,
        told: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._contact = contact
        self._told = told
        self._living: tuple[Member, ...] = ()
        self._over = Event()
        self._look = Event()
        self._thread = Thread(target=self._run, name="serf-reach", daemon=True)
        self._answering: tuple[Member, ...] = ()
        self.silent = False
        """Whether nobody answered the last question."""

    def ask(self, living: tuple[Member, ...]) -> None:
        """Ask these from now on; nobody if there are none."""
        self._living = living
        if living:
            self._look.set()
        else:
            self.silent = False

    def met(self) -> tuple[Member, ...]:
        """Who answered since this was called last: to join it is to learn all that it knows."""
        met, self._answering = self._answering, ()
        return met

    def _run(self) -> None:
        while self._look.wait() and not self._over.is_set():
            self._look.clear()
            if self._living:
                self._question(self._living)
                self._over.wait(PAUSE if self.silent else 0.0)

    def _question(self, living: tuple[Member, ...]) -> None:
        begun = time.monotonic()
        try:
            with self._connect(self._over.is_set) as client:
                answered = self._answered(client, _some(living), begun + ANSWER)
        except RpcError:  # the agent is away: whoever watches it says so
            self._over.wait(PAUSE)
            return
        if answered:
            self._contact.reached = max(self._contact.reached, begun)
            self._answering = tuple(member for member in living if member.name == answered)
        self.silent = bool(self._living) and not answered
        if not self._over.is_set():
            self._told()

    def _answered(self, client: SerfClient, names: list[str], end: float) -> str:
        """Who answers first; empty if nobody does."""
        number = client.ping(names, timeout=ANSWER)
        while not self._over.is_set() and time.monotonic() < end:
            for record in client.read(number, SLICE):
                name = record.get(b"From")
                if record.get(b"Type") == b"ack" and isinstance(name, bytes):
                    return name.decode("utf-8", errors="replace")
        return ""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._look.set()
        self._thread.join(1.0)


def _some(living: tuple[Member, ...]) -> list[str]:
    """As many names as a question has room for, one at least."""
    names: list[str] = []
    room = MOST
    for member in random.sample(living, len(living)):
        room -= len(member.name.encode()) + 3
        if names and room < 0:
            break
        names.append(member.name)
    return names
