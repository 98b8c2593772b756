"""Where an answer of HAProxy ends.

A question has a connection of its own: HAProxy closes it behind the answer, and no value in it can
look like that. Many orders share one connection in prompt mode, where each answer is followed by
``\\n> ``: what HAProxy says of an order holds nobody's words but the order's own, which have no
newline. What a node, a client, the environment or a description says is never asked for there.
"""

import re
import socket
import time
from collections.abc import Callable, Sequence

from lbdisc.haproxy.errors import Unreachable

BURST = 1000  # bytes sent at a time: longer bursts cost the clients' latency under load
_PROMPT = b"\n> "
NO_SUCH_WORKER = "Can't find the target PID"  # how the answer to `@!PID …` begins
_NOBODY = re.compile(rb"%b[^\n]*\n+" % NO_SUCH_WORKER.encode())
_CONTINUED = "+ "
_AT_ONCE = 1 << 16
_LONG = 10  # ten thousand servers take 1 to 2 s to be told of on a busy machine (measured)
# Who answers, and a fixed text behind it: before 2.8 a description may hold a prompt.
_WHO = b"show info\nshow cli level\n"
_LEVEL = re.compile(rb"\n> (admin|operator|user)\n\n> \Z")


def text(reply: bytes) -> str:
    """``reply`` as text from which the very same bytes can be made again."""
    return reply.decode(errors="surrogateescape")


def sent(words: str) -> bytes:
    return words.encode(errors="surrogateescape")


def receive(connection: socket.socket, until: float) -> bytes:
    """Some bytes before ``until`` (monotonic), ``b""`` at the end. Raises ``OSError``."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    connection.settimeout(left)
    return connection.recv(_AT_ONCE)


def whole(connection: socket.socket, words: str, limit: float, *, half_close: bool = False) -> str:
    """All that HAProxy says to ``words`` before it closes.

    It has to begin within ``limit`` seconds, and to end within ten times as many. ``half_close``
    tells it that nothing follows. Raises ``OSError``.

    A master may keep open what it answers with ``NO_SUCH_WORKER``, and nothing follows that line:
    measured at 4 of 25 starts of 3.4.7, and at none of 3.0.11 and 3.2.26.
    """
    began = time.monotonic()
    connection.settimeout(limit)
    connection.sendall(sent(words))
    if half_close:
        connection.shutdown(socket.SHUT_WR)
    first = receive(connection, began + limit)
    if _NOBODY.fullmatch(first):
        return text(first)
    end = began + _LONG * limit
    return text(first + b"".join(iter(lambda: receive(connection, end), b""))) if first else ""


class Conversation:
    """One connection in prompt mode; methods raise ``OSError``, or ``Unreachable`` at its end.

    ``limit`` is in seconds, for each answer.
    """

    def __init__(self, connection: socket.socket, limit: float) -> None:
        self._connection = connection
        self._limit = limit
        self._rest = b""
        self._send(b"set severity-output none;prompt\n")
        self._reply(limit)

    def close(self) -> None:
        self._connection.close()

    def fileno(self) -> int:
        return self._connection.fileno()

    def exchange(self, orders: Sequence[tuple[str, float]]) -> list[str]:
        """The answers to orders, each with how many seconds HAProxy may take beyond ``limit``."""
        self._send(sent("".join(order for order, _ in orders)))
        return [
            without_continuations(text(self._reply(self._limit + lasts)), order)
            for order, lasts in orders
        ]

    def who(self) -> str:
        """``show info``, with whatever is in it."""
        self._send(_WHO)
        end = self._fill(lambda: _LEVEL.search(self._rest), self._limit)
        told, self._rest = self._rest[: end.start()], b""
        return text(told)

    def _send(self, what: bytes) -> None:
        self._connection.settimeout(self._limit)
        self._connection.sendall(what)

    def _reply(self, limit: float) -> bytes:
        # The rest starts behind a prompt, so an empty answer is the prompt's newline alone.
        end = self._fill(lambda: re.search(_PROMPT, self._rest), limit)
        reply, self._rest = self._rest[: end.start()], self._rest[end.end() :]
        return reply

    def _fill(self, ended: Callable[[], re.Match[bytes] | None], limit: float) -> re.Match[bytes]:
        until = time.monotonic() + limit
        while (end := ended()) is None:
            received = receive(self._connection, until)
            if not received:
                raise Unreachable("HAProxy closed its socket before it answered")
            self._rest += received
        return end


def without_continuations(reply: str, order: str) -> str:
    """``reply`` to ``order`` without the ``+ `` that HAProxy writes for the lines of a payload.

    2.6 to 3.0 write one for each line, 3.2 and 3.4 one for each piece that they read (measured).
    """
    at, end = 0, len(_CONTINUED) * (order.count("\n") - 1)
    while at < end and reply.startswith(_CONTINUED, at):
        at += len(_CONTINUED)
    return reply[at:]
