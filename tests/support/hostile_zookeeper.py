"""A server that speaks ZooKeeper's wire as far as a reader asks, and then whatever a test wants."""

import struct
from collections.abc import Callable
from contextlib import suppress
from socket import create_server, socket, timeout
from threading import Event, Thread
from types import TracebackType
from typing import Self

RECORD = b'{"address": "10.0.0.7", "port": 3000}'
TREE: dict[str, list[str]] = {"/lbdisc": ["web"], "/lbdisc/web": ["a"]}
EXISTS, READ, CHILDREN, SYNC, PING, CLOSE = 3, 4, 8, 9, 11, -11
_STAT = struct.pack("!qqqqiiiqiiq", *[1] * 11)


def text(value: bytes) -> bytes:
    return struct.pack("!i", len(value)) + value


def framed(body: bytes) -> bytes:
    return struct.pack("!i", len(body)) + body


def reply(xid: int, body: bytes = b"", *, error: int = 0) -> bytes:
    return framed(struct.pack("!iqi", xid, 1, error) + body)


def names(found: list[str]) -> bytes:
    return struct.pack("!i", len(found)) + b"".join(text(name.encode()) for name in found)


Answer = Callable[[int, int, str], bytes | None]  # xid, kind and path of a request


def good(xid: int, kind: int, path: str) -> bytes:
    if kind == CHILDREN:
        return reply(xid, names(TREE.get(path, [])))
    if kind == READ:
        return reply(xid, text(RECORD) + _STAT)
    if kind == EXISTS:
        return reply(xid, _STAT)
    if kind == SYNC:
        return reply(xid, text(path.encode()))
    return reply(xid)


class HostileZooKeeper:
    """Listens at ``port`` in a ``with`` block; ``answer`` may be set at any time.

    What is ``None`` is not answered. ``slowly`` sends a byte in a tenth of a second.
    """

    def __init__(self) -> None:
        self.answer: Answer = good
        self.slowly = False
        self.sessions = 0
        self._ended = Event()
        self._listener = create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket] = []
        self._threads = [Thread(target=self._accept)]

    def drop(self) -> None:
        """Break the connections there are."""
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(2)

    def _accept(self) -> None:
        self._listener.settimeout(0.1)
        while not self._ended.is_set():
            with suppress(timeout):
                connection = self._listener.accept()[0]
                self._open.append(connection)
                self._threads.append(Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket) -> None:
        with connection, suppress(OSError, struct.error):
            connection.settimeout(30)
            self._body(connection)
            self.sessions += 1
            connection.sendall(framed(struct.pack("!iiq", 0, 2000, 7) + text(b"p" * 16) + b"\0"))
            while True:
                body = self._body(connection)
                xid, kind = struct.unpack_from("!ii", body)
                answer = self.answer if kind in (EXISTS, READ, CHILDREN, SYNC) else good
                self._send(connection, answer(xid, kind, _path(body)))

    def _send(self, connection: socket, answer: bytes | None) -> None:
        if not self.slowly:
            connection.sendall(answer or b"")
            return
        for byte in answer or b"":
            connection.sendall(bytes([byte]))
            if self._ended.wait(0.1):
                return

    @staticmethod
    def _body(connection: socket) -> bytes:
        length = struct.unpack("!i", _exactly(connection, 4))[0]
        return _exactly(connection, length)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self.drop()
        for thread in self._threads:
            thread.join()
        self._listener.close()


def _path(body: bytes) -> str:
    if len(body) < 12:
        return ""
    length = struct.unpack_from("!i", body, 8)[0]
    return body[12 : 12 + max(0, length)].decode()


def _exactly(connection: socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        part = connection.recv(length - len(found))
        if not part:
            raise ConnectionResetError
        found += part
    return found
