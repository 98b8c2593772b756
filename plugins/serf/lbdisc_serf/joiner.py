"""Keeping the local agent with its cluster: joining the named members, endlessly, in a thread.

Serf's own ``-retry-join`` ends with its first success. This goes on: a member that comes back at
another address, and one that the local agent forgot when it was restarted, are joined again.
"""

import random
import re
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Self

import structlog

from lbdisc_serf.contact import Contact, hint
from lbdisc_serf.members import Member
from lbdisc_serf.rpc import SerfClient
from lbdisc_serf.settings import GOSSIP_PORT, Address, joined, split
from lbdisc_serf.wire import RpcError

Connect = Callable[[Callable[[], bool]], SerfClient]
JOIN_TIMEOUT = 15.0  # seconds; memberlist gives up a connection after 10
REACH_TIMEOUT = 5.0  # seconds for those of whom one is enough, or who were lost before
SETTLED = 10.0  # how many times slower it looks while nothing is missing
MOST = 3  # members of each kind to join at a time: each one tells of all others
_TIDY = re.compile(r"\S+:\d+->")  # the near end of a connection, another one each time


class Joiner:
    """Joins ``members`` (``HOST[:PORT]``) until the ``with`` block ends."""

    def __init__(self, connect: Connect, members: Iterable[str], *, interval: float) -> None:
        self._log = structlog.get_logger("lbdisc.serf")
        self._connect = connect
        self._named = [split(member, "serf.join", port=GOSSIP_PORT) for member in members]
        # Each is joined once even if gossip told of it before: only then it knows of us for sure.
        self._met: set[Address] = set()
        self._interval = interval
        self._missing: tuple[Member, ...] = ()
        self._alive: tuple[Member, ...] = ()
        self._over = Event()
        self._look = Event()
        self._thread = Thread(target=self._run, name="serf-join", daemon=True)
        self.contact = Contact()
        """What came of the joins that ``seek`` asked for."""
        self.settled = not self._named
        """Whether one of the named members was met, or the agent is the only one named."""
        self.failure = ""
        """Why the last try failed; empty after a success."""

    def seek(self, missing: tuple[Member, ...], alive: tuple[Member, ...]) -> None:
        """Also join all ``missing``, in turns, and some of ``alive``, to know whether one can."""
        news = (missing and missing != self._missing) or (alive and not self._alive)
        self._missing, self._alive = missing, alive
        if news:
            self._look.set()

    def _run(self) -> None:
        while not self._over.is_set():
            busy = self._try()
            pause = self._interval * (1.0 if busy else SETTLED)
            self._look.wait(pause)
            self._look.clear()

    def _try(self) -> bool:
        """Join once; whether somebody is still missing."""
        begun = time.monotonic()
        sought = self._sought()
        if not self._named and not sought:
            return False
        try:
            named = self._absent_named()
        except RpcError:
            return True  # the agent is away: whoever watches it says so
        failures = self._join_all([*named, *sought], sought, begun)
        self.contact.tried = begun
        self._report(failures, some=len(failures) < max(1, len(named) + len(sought)))
        return bool(failures or sought)

    def _sought(self) -> list[Address]:
        """Some that are missing, those first that were not tried yet, and some that are alive."""
        tried = list(self.contact.outcomes)
        order = {address: number for number, address in enumerate(tried)}
        missing = sorted(map(_at, self._missing), key=lambda address: order.get(address, -1))
        alive = random.sample(self._alive, min(MOST, len(self._alive)))
        return list(dict.fromkeys([*map(_at, alive), *missing[:MOST]]))

    def _join_all(
        self, addresses: Sequence[Address], sought: Sequence[Address], begun: float
    ) -> list[str]:
        """Why some could not be joined. At the same time, as one that is silent takes its time."""

        def join(address: Address) -> str:
            if address not in sought:
                return self._join(address, JOIN_TIMEOUT)
            failure = self._join(address, REACH_TIMEOUT)
            if not self._over.is_set():
                self.contact.note(address, failure, begun=begun)
            return failure

        if not addresses:
            return []
        with ThreadPoolExecutor(len(addresses), "serf-join") as pool:
            return [failure for failure in pool.map(join, addresses) if failure]

    def _join(self, address: Address, timeout: float) -> str:
        """Why ``address`` could not be joined, empty if it was."""
        begun = time.monotonic()
        try:
            with self._client() as client:
                client.join([joined(address)], timeout=timeout)
        except RpcError as error:
            if time.monotonic() - begun >= timeout:
                return f"{joined(address)} does not answer"
            return _TIDY.sub("", str(error).rpartition("* ")[2])
        self._met.add(address)
        return ""

    def _report(self, failures: list[str], *, some: bool) -> None:
        if self._over.is_set():
            return
        failure = failures[-1] if failures else ""
        if failure and failure != self.failure:
            self._log.warning("cannot join", error=failure, hint=f"see {hint(failure)}")
        self.failure = failure
        self.settled = self.settled or some

    def _absent_named(self) -> list[Address]:
        """The named members that this one has not met, or does not know as alive."""
        if not self._named:
            return []
        with self._client() as client:
            me, members = client.name, client.members()
        own = {_at(m) for m in members if m.name == me}
        alive = {_at(m) for m in members if m.status == "alive"} - own
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


def _at(member: Member) -> Address:
    return member.address, member.port


def _absent(found: set[Address], own: set[Address], alive: set[Address]) -> bool:
    """Whether a name stands for nobody yet, or for others of whom none is alive."""
    others = found - own
    return not found or (bool(others) and not others & alive)


def _resolved(address: Address) -> set[Address]:
    host, port = address
    with suppress(OSError):
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return {(str(entry[4][0]), port) for entry in found}
    return set()
