"""Keeping the local agent with its cluster: joining the named members, endlessly, in a thread.

Serf's own ``-retry-join`` ends with its first success. This goes on: a member that comes back at
another address, and one that the local agent forgot when it was restarted, are joined again.

The agent makes one join at a time, and goes on with one that its client has given up. So here they
stand in a line, of a bounded length, and whether anybody is reached is not learnt by joining alone
(see ``Reach``).
"""

import random
import re
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Self

import structlog

from lbdisc_serf.contact import NEVER, Contact, hint
from lbdisc_serf.members import Member
from lbdisc_serf.reach import Reach
from lbdisc_serf.rpc import SerfClient
from lbdisc_serf.settings import GOSSIP_PORT, Address, joined, split
from lbdisc_serf.wire import RpcError

Connect = Callable[[Callable[[], bool]], SerfClient]
JOIN_TIMEOUT = 35.0  # seconds; memberlist gives up a connection after 10, with "wan" after 30
REACH_TIMEOUT = 5.0  # seconds after which who has not been joined does not answer, for now
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
        self._pending: dict[Address, Future[str]] = {}
        self._trying: Address | None = None
        self._vain: set[Address] = set()  # who could not be joined the last time
        self._thread = Thread(target=self._run, name="serf-join", daemon=True)
        self.contact = Contact()
        """What came of the joins that ``seek`` asked for."""
        self.settled = not self._named
        """Whether one of the named members was met, or the agent is the only one named."""
        self.failure = ""
        """Why the last try failed; empty after a success."""
        self._reach = Reach(connect, self.contact, self._look.set)

    def seek(self, missing: tuple[Member, ...], alive: tuple[Member, ...]) -> None:
        """Also join all ``missing``, in turns, and ask ``alive`` until one of them answers."""
        news = missing and missing != self._missing
        self._missing, self._alive = missing, alive
        self._reach.ask(alive)
        if news:
            self._look.set()

    def _run(self) -> None:
        with ThreadPoolExecutor(1, "serf-join") as line:
            while not self._over.is_set():
                busy = self._try(line)
                pause = self._interval * (1.0 if busy else SETTLED)
                self._look.wait(pause)
                self._look.clear()

    def _try(self, line: ThreadPoolExecutor) -> bool:
        """Join once; whether somebody is still missing."""
        begun = time.monotonic()
        alive = self._alive if self._reach.silent else self._reach.met()
        decides = self._reach.silent or not self._alive
        sought = self._sought(alive)
        if not self._named and not sought:
            return False
        try:
            named = self._absent_named()
        except RpcError:
            return True  # the agent is away: whoever watches it says so
        failures = self._join_all(line, list(dict.fromkeys([*named, *sought])), set(sought))
        if decides:
            self.contact.tried = begun
        self._report(failures, some=not named)
        return bool(failures or sought or self._pending)

    def _sought(self, alive: Sequence[Member]) -> list[Address]:
        """Some that are missing, those first that were not tried yet, and some of ``alive``."""
        tried = list(self.contact.outcomes)
        order = {address: number for number, address in enumerate(tried)}
        missing = sorted(map(_at, self._missing), key=lambda address: order.get(address, -1))
        some = random.sample(alive, min(MOST, len(alive)))
        return list(dict.fromkeys([*map(_at, some), *missing[:MOST]]))

    def _join_all(
        self, line: ThreadPoolExecutor, addresses: Sequence[Address], sought: set[Address]
    ) -> list[str]:
        """Why some could not be joined, those last who could not before."""
        for address in sorted(addresses, key=self._vain.__contains__):
            room = address not in sought or len(self._pending) < 2 * MOST + len(self._named)
            if room and address not in self._pending:
                self._pending[address] = line.submit(self._join, address, address in sought)
        done = wait(self._pending.values(), REACH_TIMEOUT).done
        failures = [future.result() for future in done]
        self._pending = {a: future for a, future in self._pending.items() if future not in done}
        trying = self._trying
        if trying in self._pending:  # the others have not been tried yet
            failures.append(
                self._note(trying, f"{joined(trying)} does not answer", trying in sought)
            )
        return list(filter(None, failures))

    def _join(self, address: Address, sought: bool) -> str:
        """Why ``address`` could not be joined, empty if it was."""
        self._trying = address
        begun = time.monotonic()
        try:
            with self._client() as client:
                client.join([joined(address)], timeout=JOIN_TIMEOUT)
        except RpcError as error:
            if time.monotonic() - begun >= REACH_TIMEOUT:
                return self._note(address, f"{joined(address)} does not answer", sought)
            return self._note(address, _TIDY.sub("", str(error).rpartition("* ")[2]), sought)
        finally:
            self._trying = None
        self._met.add(address)
        self.settled = True
        return self._note(address, "", sought, begun)

    def _note(self, address: Address, failure: str, sought: bool, begun: float = NEVER) -> str:
        """``failure``, which is remembered."""
        (self._vain.add if failure else self._vain.discard)(address)
        if sought and not self._over.is_set():
            self.contact.note(address, failure, begun=begun)
        return failure

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
        self._reach.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._look.set()
        self._reach.__exit__(kind, error, trace)
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
