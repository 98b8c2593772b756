"""A typed client for the socket of a worker (``stats socket … level admin``).

What it asks goes over connections of their own, what it orders over one that is kept: see
``lbdisc.haproxy.sockets.framing``. A kept connection survives a reload, bound to the old worker,
which it keeps alive: ``close`` it before one. An old worker says yes to everything; ``run`` tells
(``Replaced``) when it was one.
"""

import select
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self, TypeVar

from lbdisc.errors import shown
from lbdisc.haproxy.errors import HaproxyError, OtherWorker, Refused, Replaced, Unreachable
from lbdisc.haproxy.sockets.dialling import answers, dial
from lbdisc.haproxy.sockets.framing import BURST, Conversation, whole
from lbdisc.haproxy.sockets.orders import Order, is_name
from lbdisc.haproxy.sockets.rows import (
    Info,
    ServerConnections,
    ServerState,
    Stat,
    part_info,
    read_connections,
    read_states,
    read_stats,
)
from lbdisc.haproxy.versions import MAX_LINE, Features

__all__ = ["BURST", "TIMEOUT", "Runtime", "answers", "dial"]

TIMEOUT = 5.0  # seconds until an answer begins; for that to an order, until it ends
_Said = tuple[str, float]  # what is sent, and how many more seconds its answer may take
_Found = TypeVar("_Found")


class Runtime:
    """The worker that listens at ``address``; several threads may use one at once.

    With ``worker``, a process id, any other that answers there is ``OtherWorker``. Every method
    raises ``Unreachable`` when nothing answers within ``timeout`` seconds, ``Refused`` when the
    answer to an order is not its known success.
    """

    def __init__(
        self, address: str | Path, *, timeout: float = TIMEOUT, worker: int | None = None
    ) -> None:
        self.address = address
        self._worker = worker
        self._timeout = timeout
        self._kept: Conversation | None = None
        self._lock = RLock()

    def close(self) -> None:
        """Let go of the kept connection; the next order opens a new one."""
        with self._lock:
            kept, self._kept = self._kept, None
            if kept is not None:
                kept.close()

    @property
    def connected(self) -> bool:
        """Whether there is a connection that HAProxy has not closed ("stats timeout", 10 s)."""
        # What is readable between two commands can only be its end.
        with self._lock:
            return self._kept is not None and not select.select([self._kept], [], [], 0)[0]

    def connect(self) -> Info:
        """Have a connection ready for orders; the worker that it is bound to."""
        with self._lock:
            return self._safely(self._who)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, line: str) -> str:
        """The answer to one line, whatever it says, of a worker that listens now."""
        _check_line(line, ";")
        return self._whole(line) if self._worker is None else self.asked(line)

    def asked(self, *lines: str) -> str:
        """The answers to ``lines``, one behind the other, of the worker that is meant.

        Raises ``OtherWorker`` when another one answers.
        """
        info, rest = self._told(*lines)
        self._check_worker(info)
        return rest

    def _told(self, *lines: str) -> tuple[Info, str]:
        """Who answers, and the answers."""
        for line in lines:
            _check_line(line, ";")
        info, rest = part_info(self._whole(";".join(("show info", *lines))))
        return Info.read(info), rest

    def ask_all(self, lines: Sequence[str]) -> list[str]:
        """Say ``lines`` over the kept connection; the answers, one each, whatever they say.

        Not for questions whose answers hold others' words: see ``ask``.
        """
        for line in lines:
            _check_line(line, ";")
        with self._lock:
            return self._safely(lambda: self._converse([(f"{line}\n", 0.0) for line in lines]))

    def run(self, orders: Iterable[Order]) -> list[str]:
        """Send all orders, read all answers, and raise ``Refused`` for the first that failed.

        Raises ``Replaced`` when the worker that took them is one that a reload has replaced.
        """
        todo = list(orders)
        with self._lock:
            replies = self._safely(lambda: self._converse([(o.sent, o.lasts) for o in todo]))
            worker = self._safely(self._who)
            if worker.stopping:
                self.close()
                raise Replaced(f"worker {worker.pid} was replaced before it was told anything")
        for order, reply in zip(todo, replies, strict=True):
            order.check(reply)
        return replies

    def info(self) -> Info:
        return Info.read(self.ask("show info"))

    def servers(self, proxy: str | None = None) -> tuple[ServerState, ...]:
        """``show servers state``: all servers, or those of one proxy."""
        return read_states(self.raw_servers(proxy))

    def raw_servers(self, proxy: str | None = None) -> str:
        """``show servers state`` as HAProxy writes it, which is also what it reads at a reload."""
        return self.asked(_about("show servers state", proxy))

    def servers_named(self, proxy: str, names: Collection[str]) -> tuple[ServerState, ...]:
        """Some servers of a proxy; of ten thousand, only these are read."""
        dump = self.raw_servers(proxy)
        rows = (row for name in names for row in _rows_of(name, dump))
        return read_states("\n".join((*dump.split("\n", 2)[:2], *rows)))

    def observe(self, *, pid: int | None = None) -> tuple[Info, tuple[ServerState, ...]]:
        """The worker that listens now, and its servers.

        Old and new worker share the socket for a moment after a reload: ``pid`` insists on one,
        and ``OtherWorker`` is raised when another one answers for ``timeout`` seconds.
        """
        end = time.monotonic() + self._timeout
        while True:
            worker, states = self._told("show servers state")
            if pid is None or worker.pid == pid:
                return worker, read_states(states)
            if time.monotonic() > end:
                raise OtherWorker(f"worker {worker.pid} answers instead of {pid}")
            time.sleep(0.005)

    def stats(self, proxy: str | None = None) -> tuple[Stat, ...]:
        """``show stat``: all rows, or those of the proxies of one name."""
        if proxy is None:
            return read_stats(self.asked("show stat"))
        # By number: of a frontend and a backend of one name, HAProxy would tell of the first alone.
        proxies = read_stats(self.asked("show stat -1 3 -1"))
        numbers = dict.fromkeys(row.fields["iid"] for row in proxies if row.proxy == proxy)
        if not numbers:
            raise HaproxyError(f"no such proxy: {shown(proxy)}")
        lines = [f"show stat #{number} -1 -1" for number in numbers]
        return read_stats(self.asked(*lines))

    def connections(self, proxy: str | None = None) -> tuple[ServerConnections, ...]:
        return read_connections(self.ask(_about("show servers conn", proxy)))

    def features(self) -> Features:
        """What this worker can do, from its own help and version. Raises as every question."""
        reply = self._whole("set severity-output none;show cli level;help;show info")
        level, _, rest = reply.lstrip("\n").partition("\n")
        if level != "admin":
            raise Refused("show cli level", f"{level.strip()}: 'stats socket' needs 'level admin'")
        known, name, told = rest.partition("\nName: ")
        return Features(Info.read(name + told).version, wait="\n  wait " in known)

    def _whole(self, line: str) -> str:
        try:
            with dial(self.address, self._timeout) as connection:
                reply = whole(connection, f"{line}\n", self._timeout)
        except OSError as error:
            raise self._broken(error) from error
        if not reply:
            raise Unreachable(f"HAProxy closed its socket {self.address} before it answered")
        return reply

    def _check_worker(self, info: Info) -> None:
        if self._worker is not None and info.pid != self._worker:
            raise OtherWorker(f"worker {info.pid} answers instead of {self._worker}")

    def _open(self) -> Conversation:
        if not self.connected:
            self.close()
        if self._kept is None:
            connection = dial(self.address, self._timeout)
            try:
                self._kept = Conversation(connection, self._timeout)
            except BaseException:
                connection.close()
                raise
            if self._worker is not None:
                self._check_worker(Info.read(self._kept.who()))
        return self._kept

    def _who(self) -> Info:
        return Info.read(self._open().who())

    def _converse(self, said: Sequence[_Said]) -> list[str]:
        kept = self._open()
        return [reply for burst in _bursts(said) for reply in kept.exchange(burst)]

    def _safely(self, talk: Callable[[], _Found]) -> _Found:
        """``talk`` over the kept connection, given up where its answers are not certain."""
        try:
            return talk()
        except OSError as error:
            self.close()
            raise self._broken(error) from error
        except BaseException:
            self.close()  # what comes next on this connection answers something else
            raise

    def _broken(self, error: OSError) -> Unreachable:
        return Unreachable(f"HAProxy's socket {self.address} broke off: {error}")


def _check_line(line: str, *odd: str) -> None:
    if not line.isprintable() or "<<" in line or any(o in line for o in odd):
        raise HaproxyError(f"not one command: {shown(line)}")
    if len(line) > MAX_LINE:
        raise HaproxyError(f"not one command: it has {len(line)} bytes")


def _about(command: str, proxy: str | None) -> str:
    if proxy is None:
        return command
    if not is_name(proxy):
        raise HaproxyError(f"no name of a proxy: {shown(proxy)}")
    return f"{command} {proxy}"


def _rows_of(name: str, dump: str) -> Iterator[str]:
    """The rows of ``show servers state`` about the servers of this name, the fourth word."""
    word, at = f" {name} ", 0
    while (at := dump.find(word, at)) >= 0:
        start, end = dump.rfind("\n", 0, at) + 1, dump.find("\n", at)
        row = dump[start : end if end >= 0 else len(dump)]
        if row.split(" ", 4)[3:4] == [name]:
            yield row
        at = start + len(row)


def _bursts(said: Sequence[_Said]) -> Iterator[list[_Said]]:
    burst: list[_Said] = []
    size = 0
    for one in said:
        if burst and size + len(one[0]) > BURST:
            yield burst
            burst, size = [], 0
        burst.append(one)
        size += len(one[0])
    if burst:
        yield burst
