"""Keeping the local agent with its cluster: joining the named members, endlessly, in a thread.

Serf's own ``-retry-join`` ends with its first success. This goes on: a member that comes back at
another address, and one that the local agent forgot when it was restarted, are joined again.
"""

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Self

import structlog

from lbdisc_serf.members import Member
from lbdisc_serf.rpc import SerfClient
from lbdisc_serf.settings import GOSSIP_PORT, Address, joined, split
from lbdisc_serf.wire import RpcError

Connect = Callable[[Callable[[], bool]], SerfClient]
JOIN_TIMEOUT = 15.0  # seconds; memberlist gives up a connection after 10
SETTLED = 10.0  # how many times slower it looks while nothing is missing
MOST = 3  # forgotten members to ask: each one tells of all others


class Joiner:
    """Joins ``members`` (``HOST[:PORT]``) until the ``with`` block ends."""

    def __init__(self, connect: Connect, members: Iterable[str], *, interval: float) -> None:
        self._log = structlog.get_logger("lbdisc.serf")
        self._connect = connect
        self._named = [split(member, "serf.join", port=GOSSIP_PORT) for member in members]
        # Each is joined once even if gossip told of it before: only then it knows of us for sure.
        self._met: set[Address] = set()
        self._interval = interval
        self._forgotten: tuple[Member, ...] = ()
        self._over = Event()
        self._look = Event()
        self._thread = Thread(target=self._run, name="serf-join", daemon=True)
        self.settled = not self._named
        """Whether one of the named members was met, or the agent is the only one named."""
        self.failure = ""
        """Why the last try failed; empty after a success."""

    def forgotten(self, members: tuple[Member, ...]) -> None:
        """Also join ``members``, which the agent knew before it was restarted."""
        if members and members != self._forgotten:
            self._look.set()
        self._forgotten = members

    def _run(self) -> None:
        while not self._over.is_set():
            missing = self._try()
            pause = self._interval * (1.0 if missing else SETTLED)
            self._look.wait(pause)
            self._look.clear()

    def _try(self) -> bool:
        """Join once; whether somebody is still missing."""
        forgotten = [(member.address, member.port) for member in self._forgotten[:MOST]]
        if not self._named and not forgotten:
            return False
        try:
            missing = [*self._missing(), *forgotten]
        except RpcError:
            return True  # the agent is away: whoever watches it says so
        failures = [failure for address in missing if (failure := self._join(address))]
        self._report(failures[-1] if failures else "", some=len(failures) < max(1, len(missing)))
        return bool(failures)

    def _join(self, address: Address) -> str:
        """Why ``address`` could not be joined, empty if it was."""
        try:
            with self._client() as client:
                client.join([joined(address)], timeout=JOIN_TIMEOUT)
        except RpcError as error:
            return str(error)
        self._met.add(address)
        return ""

    def _report(self, failure: str, *, some: bool) -> None:
        if self._over.is_set():
            return
        if failure and failure != self.failure:
            self._log.warning("cannot join", error=failure, hint=_hint(failure))
        self.failure = failure
        self.settled = self.settled or some

    def _missing(self) -> list[Address]:
        """The named members that this one has not met, or does not know as alive."""
        if not self._named:
            return []
        with self._client() as client:
            me, members = client.name, client.members()
        own = {(m.address, m.port) for m in members if m.name == me}
        alive = {(m.address, m.port) for m in members if m.status == "alive"} - own
        return [
            named
            for named in self._named
            if _absent(_resolved(named), own, alive if named in self._met else set())
        ]

    def _client(self) -> SerfClient:
        return self._connect(self._over.is_set)

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


def _absent(found: set[Address], own: set[Address], alive: set[Address]) -> bool:
    """Whether a name stands for nobody yet, or for others of whom none is alive."""
    others = found - own
    return not found or (bool(others) and not others & alive)


def encrypted(failure: str) -> bool:
    """Whether joining failed as the gossip keys differ, which no repetition heals."""
    return "crypt" in failure


def _hint(failure: str) -> str:
    return "see serf.encrypt" if encrypted(failure) else "see serf.join"


def _resolved(address: Address) -> set[Address]:
    host, port = address
    with suppress(OSError):
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return {(str(entry[4][0]), port) for entry in found}
    return set()
