"""WebSockets by hand: apps that say their name on them, and clients that notice when one is cut.

>>> with WebSocketApps("a", "b") as apps:
...     ...  # a balancer at PORT in front of apps.ports
...     with WebSockets(PORT, 20) as clients:
...         ...  # what must not disturb them
>>> clients.cut
[]

Only as much of RFC 6455 as that takes: frames of less than 126 bytes, and none but text.
"""

import asyncio
import base64
import hashlib
import os
import threading
import time
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
EVERY = 0.5  # seconds between two messages of a client
TIMEOUT = 10.0  # seconds without an answer
_ENDED = (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError)


class Looped:
    """A thread that runs coroutines, from the beginning of the ``with`` block to its end."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=type(self).__name__)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns, or raises."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.run(_end_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _end_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for _ in range(3):  # what is closed is so only after further rounds of the loop
        await asyncio.sleep(0)


class WebSocketApps(Looped):
    """An app for each of ``names``: answers checks, and keeps what is upgraded.

    ``ports`` tells where, as long as they serve.
    """

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.ports: dict[str, int] = {}
        self._servers: dict[str, asyncio.Server] = {}
        self._open: dict[str, set[asyncio.StreamWriter]] = {name: set() for name in names}

    def __enter__(self) -> Self:
        super().__enter__()
        for name in self._open:
            server = self._servers[name] = self.run(self._serve(name))
            self.ports[name] = int(server.sockets[0].getsockname()[1])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in self.ports:
            self.close(name)
        super().__exit__(kind, error, trace)

    def close(self, name: str) -> None:
        """End the app ``name`` and what it has open."""
        self.run(self._close(name))

    async def _serve(self, name: str) -> asyncio.Server:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._open[name].add(writer)
            try:
                with suppress(*_ENDED):
                    await _answer(name, reader, writer)
            finally:
                self._open[name].discard(writer)
                writer.close()

        return await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)

    async def _close(self, name: str) -> None:
        self._servers[name].close()
        for writer in list(self._open[name]):
            writer.close()


async def _answer(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while head := await reader.readuntil(b"\r\n\r\n"):
        key = _header(head, "sec-websocket-key")
        if not key:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            continue
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + _accept(key) + b"\r\n\r\n"
        )
        while True:
            await _message(reader)
            writer.write(_frame(name.encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A WebSocket to ``node`` that ended ``after`` seconds without being asked to."""

    node: str
    after: float


class WebSockets(Looped):
    """``count`` of them through a balancer at ``port``, each on some node; ``host`` is asked for.

    ``nodes`` counts those that are open by their node, ``cut`` has those that were ended.
    Raises ``OSError`` where one cannot be opened.
    """

    def __init__(self, port: int, count: int, *, host: str = "nodes") -> None:
        super().__init__()
        self._port, self._count, self._host = port, count, host
        self._nodes: dict[int, str] = {}
        self._talks: set[asyncio.Task[None]] = set()
        self.cut: list[Cut] = []

    @property
    def nodes(self) -> Counter[str]:
        return Counter(list(self._nodes.values()))

    def __enter__(self) -> Self:
        super().__enter__()
        self.more(self._count)
        return self

    def more(self, count: int) -> None:
        """Open further ones."""
        for _ in range(count):
            self.run(self._open(len(self._nodes) + len(self.cut)))

    async def _open(self, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        key = base64.b64encode(os.urandom(16))
        writer.write(
            f"GET /socket HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key.decode()}\r\n\r\n".encode()
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT)
        if _header(head, "sec-websocket-accept") != _accept(key):
            writer.close()
            raise OSError(f"no WebSocket: {head[:80]!r}")
        self._nodes[number] = await _say(reader, writer)
        self._talks.add(asyncio.create_task(self._talk(number, reader, writer)))

    async def _talk(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        began = time.monotonic()
        try:
            while True:
                await asyncio.sleep(EVERY)
                self._nodes[number] = await _say(reader, writer)
        except _ENDED:
            self.cut.append(Cut(node=self._nodes.pop(number), after=time.monotonic() - began))
        finally:
            writer.close()


async def _say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    writer.write(_frame(b"who", masked=True))
    await writer.drain()
    return (await asyncio.wait_for(_message(reader), TIMEOUT)).decode()


async def _message(reader: asyncio.StreamReader) -> bytes:
    kind, size = await reader.readexactly(2)
    if kind != 0x81 or size & 0x7F > 125:
        raise ValueError(f"no short text: {kind:x} {size}")
    mask = await reader.readexactly(4) if size & 0x80 else bytes(4)
    text = await reader.readexactly(size & 0x7F)
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))


def _frame(text: bytes, *, masked: bool = False) -> bytes:
    """A text frame; a mask of zeros is one, too."""
    return bytes((0x81, len(text) | (0x80 if masked else 0))) + bytes(4 * masked) + text


def _accept(key: bytes) -> bytes:
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def _header(head: bytes, name: str) -> bytes:
    for line in head.split(b"\r\n"):
        its, _, value = line.partition(b":")
        if its.strip().lower() == name.encode():
            return value.strip()
    return b""
