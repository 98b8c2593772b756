"""A typed client for the socket of a worker (``stats socket … level admin``).

The connection is used in prompt mode: the end of every reply is then known, so commands are sent
many at a time and every answer is read. An open connection survives a reload, bound to the old
worker, which it keeps alive and which says yes to everything: ``close`` it after a reload.
"""

import select
import socket
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from lbdisc.errors import SettingsError, shown
from lbdisc.haproxy.errors import Forbidden, HaproxyError, Refused, Unreachable
from lbdisc.haproxy.sockets.closed import may_not_open, why_closed
from lbdisc.haproxy.sockets.orders import Order, is_name
from lbdisc.haproxy.sockets.rows import (
    Info,
    ServerConnections,
    ServerState,
    Stat,
    read_connections,
    read_states,
    read_stats,
)
from lbdisc.haproxy.versions import MAX_LINE, Features

TIMEOUT = 5.0  # seconds without a byte of an answer
BURST = 1000  # bytes sent at a time: longer bursts cost the clients' latency under load
_PROMPT = b"\n> "
_CONTINUED = "+ "


def dial(address: str | Path, timeout: float) -> socket.socket:
    """A connection to a Unix path (absolute, relative or ``unix@…``) or to ``host:port``.

    Raises ``Unreachable``, of which ``Forbidden`` is one, ``SettingsError`` when ``address`` is
    neither.
    """
    host_port = host_and_port(address)
    if host_port is None:
        return _dial_path(str(address).removeprefix("unix@"), timeout)
    try:
        return socket.create_connection(host_port, timeout=timeout)
    except OSError as error:
        raise Unreachable(f"nothing answers at HAProxy's socket {address}: {error}") from error


def _dial_path(path: str, timeout: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        connection.connect(path)
    except BaseException as error:
        connection.close()
        if not isinstance(error, OSError):
            raise
        kind = Forbidden if may_not_open(error) else Unreachable
        raise kind(f"nothing answers: {why_closed(path, error)}") from error
    return connection


def host_and_port(address: str | Path) -> tuple[str, int] | None:
    """``("127.0.0.1", 9999)`` for a TCP address, ``None`` for a Unix path."""
    text = str(address)
    if isinstance(address, Path) or "/" in text or text.startswith("unix@"):
        return None
    host, colon, port = text.removeprefix("ipv4@").removeprefix("ipv6@").rpartition(":")
    if not colon:
        return None
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise SettingsError(f"HAProxy's socket {shown(text)}: a path or host:port is needed")
    return host.strip("[]") if host not in ("", "*") else "127.0.0.1", int(port)


class Runtime:
    """Commands for one worker, over one connection that is opened when needed.

    Not for use by several threads at once. Every method raises ``Unreachable`` when nothing
    answers within ``timeout`` seconds, ``Refused`` when the answer is not the known success.
    """

    def __init__(self, address: str | Path, *, timeout: float = TIMEOUT) -> None:
        self.address = address
        self._timeout = timeout
        self._connection: socket.socket | None = None
        self._rest = b""

    def close(self) -> None:
        """Let go of the connection; the next command opens a new one."""
        connection, self._connection, self._rest = self._connection, None, b""
        if connection is not None:
            connection.close()

    @property
    def connected(self) -> bool:
        """Whether there is a connection that HAProxy has not closed ("stats timeout", 10 s)."""
        # What is readable between two commands can only be its end.
        return self._connection is not None and not select.select([self._connection], [], [], 0)[0]

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
        """The reply to one line, without prompt."""
        return self.ask_all([line])[0]

    def ask_all(self, lines: Sequence[str]) -> list[str]:
        """The replies to ``lines``, one each, whatever they say."""
        for line in lines:
            if not line.isprintable() or ";" in line or "<<" in line or len(line) > MAX_LINE:
                raise HaproxyError(f"not one command: {shown(line)}")
        return self._converse([f"{line}\n" for line in lines])

    def _converse(self, sent: Sequence[str]) -> list[str]:
        """The replies to what is sent, a command with its payload in each."""
        try:
            self._open()
            return [reply for burst in _bursts(sent) for reply in self._exchange(burst)]
        except OSError as error:
            self.close()
            raise Unreachable(f"HAProxy's socket {self.address} broke off: {error}") from error
        except BaseException:
            self.close()  # what comes next on this connection answers something else
            raise

    def run(self, orders: Iterable[Order]) -> list[str]:
        """Send all orders, read all answers, and raise ``Refused`` for the first that failed."""
        todo = list(orders)
        replies = self._converse([order.sent for order in todo])
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
        return self.ask(_about("show servers state", proxy))

    def servers_named(self, proxy: str, names: Collection[str]) -> tuple[ServerState, ...]:
        """Some servers of a proxy; of ten thousand, only these are read."""
        dump = self.raw_servers(proxy)
        rows = (row for name in names for row in _rows_of(name, dump))
        return read_states("\n".join((*dump.split("\n", 2)[:2], *rows)))

    def observe(self, *, pid: int | None = None) -> tuple[Info, tuple[ServerState, ...]]:
        """The worker and its servers, over a new connection, thus of a worker that listens now.

        Old and new worker share the socket for a moment after a reload: ``pid`` insists on one,
        and ``Unreachable`` is raised when another one answers for ``timeout`` seconds.
        """
        end = time.monotonic() + self._timeout
        while True:
            self.close()
            info, states = self.ask_all(["show info", "show servers state"])
            worker = Info.read(info)
            if pid is None or worker.pid == pid:
                return worker, read_states(states)
            if time.monotonic() > end:
                self.close()
                raise Unreachable(f"worker {worker.pid} answers instead of {pid}")
            time.sleep(0.005)

    def stats(self, proxy: str | None = None) -> tuple[Stat, ...]:
        """``show stat``: all rows, or those of the proxies of one name."""
        if proxy is None:
            return read_stats(self.ask("show stat"))
        # By number: of a frontend and a backend of one name, HAProxy would tell of the first alone.
        proxies = read_stats(self.ask("show stat -1 3 -1"))
        numbers = dict.fromkeys(row.fields["iid"] for row in proxies if row.proxy == proxy)
        if not numbers:
            raise HaproxyError(f"no such proxy: {shown(proxy)}")
        replies = self.ask_all([f"show stat #{number} -1 -1" for number in numbers])
        return tuple(row for reply in replies for row in read_stats(reply))

    def connections(self, proxy: str | None = None) -> tuple[ServerConnections, ...]:
        return read_connections(self.ask(_about("show servers conn", proxy)))

    def features(self) -> Features:
        """What this worker can do, from its own help and version. Raises as every command."""
        level, known, told = self.ask_all(["show cli level", "help", "show info"])
        if level.strip() != "admin":
            raise Refused("show cli level", f"{level.strip()}: 'stats socket' needs 'level admin'")
        return Features(Info.read(told).version, wait="\n  wait " in known)

    def _open(self) -> None:
        if not self.connected:
            self.close()
        if self._connection is None:
            self._connection = dial(self.address, self._timeout)
            self._connection.sendall(b"prompt\n")
            self._reply()

    def _exchange(self, sent: Sequence[str]) -> list[str]:
        assert self._connection is not None
        self._connection.sendall("".join(sent).encode(errors="surrogateescape"))
        return [without_continuations(self._reply(), one) for one in sent]

    def _reply(self) -> str:
        assert self._connection is not None
        seen = 0
        # The rest starts behind a prompt, so an empty reply is the prompt's newline alone.
        while (end := self._rest.find(_PROMPT, seen)) < 0:
            seen = max(0, len(self._rest) - len(_PROMPT))
            received = self._connection.recv(1 << 16)
            if not received:
                raise Unreachable(f"HAProxy closed its socket {self.address} before it answered")
            self._rest += received
        reply, self._rest = self._rest[:end], self._rest[end + len(_PROMPT) :]
        return reply.decode(errors="replace")


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


def without_continuations(reply: str, sent: str) -> str:
    """``reply`` to ``sent`` without the ``+ `` that HAProxy writes for the lines of a payload.

    2.6 to 3.0 write one for each line, 3.2 and 3.4 one for each piece that they read (measured).
    """
    for _ in range(sent.count("\n") - 1):
        if not reply.startswith(_CONTINUED):
            break
        reply = reply[len(_CONTINUED) :]
    return reply


def _bursts(sent: Sequence[str]) -> Iterator[list[str]]:
    burst: list[str] = []
    size = 0
    for line in sent:
        if burst and size + len(line) > BURST:
            yield burst
            burst, size = [], 0
        burst.append(line)
        size += len(line)
    if burst:
        yield burst


def answers(address: str | Path, *, timeout: float = 1.0) -> bool:
    """Whether something accepts connections at ``address``."""
    with suppress(Unreachable):
        dial(address, timeout).close()
        return True
    return False
