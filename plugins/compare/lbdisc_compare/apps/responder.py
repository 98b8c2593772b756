"""Fast web apps for load: any number of nodes in one process, told over its standard input.

``open NAME ADDRESS PORT`` listens, ``close NAME`` ends listening and the node's connections; each
line is answered by ``ok NAME`` on standard output, or by ``no NAME WHY``. With nodes on the command
line, as ``NAME=ADDRESS:PORT``, these are served until it is killed.

Every answer carries ``x-node: NAME`` and, after a request with a body, ``x-received`` with its
bytes. ``/slow?ms=N`` is answered after N ms; ``/stream?ms=N`` at once, with a body that comes in
``PIECES`` pieces over N ms. It runs as a file, without its package: nothing but Python is imported.
"""

import asyncio
import resource
import sys
from dataclasses import dataclass

PIECES = 20
PIECE = b"." * 1000
MOST_MS = 600_000
HEAD = 64 * 1024  # bytes; a longer request head ends the connection


@dataclass(frozen=True, slots=True)
class AppRequest:
    """A request whose body is there."""

    method: str
    path: str
    received: int
    last: bool

    @property
    def ms(self) -> float:
        """``ms`` of the query, 0 if it says nothing good."""
        text = self.path.partition("?ms=")[2]
        return min(int(text), MOST_MS) if text.isdecimal() else 0


class AppConversation(asyncio.Protocol):
    """One connection: an answer to each request, one after the other."""

    def __init__(self, name: str, conversations: "set[AppConversation]") -> None:
        self._start = f"HTTP/1.1 200 OK\r\nx-node: {name}\r\n"
        self._conversations = conversations
        self._read = bytearray()
        self._busy: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._conversations.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._conversations.discard(self)
        if self._busy is not None:
            self._busy.cancel()

    def data_received(self, data: bytes) -> None:
        self._read += data
        self._go_on()

    def _go_on(self) -> None:
        while self._busy is None and (asked := self._next()):
            if asked.path.startswith(("/slow", "/stream")):
                self._busy = asyncio.get_running_loop().create_task(self._take_time(asked))
            else:
                self._answer(asked)

    def _next(self) -> AppRequest | None:
        """The next request that is there as a whole."""
        end = self._read.find(b"\r\n\r\n")
        if end < 0:
            if len(self._read) > HEAD:
                self.close()
            return None
        first, *fields = self._read[:end].decode("latin-1").split("\r\n")
        named = dict(_field(line) for line in fields)
        body = int(named.get("content-length", "0"))
        if len(self._read) < end + 4 + body:
            return None
        del self._read[: end + 4 + body]
        method, path, *_ = [*first.split(" "), "", ""]
        return AppRequest(method, path, body, named.get("connection", "").lower() == "close")

    def _say(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def _answer(self, asked: AppRequest) -> None:
        more = f"x-received: {asked.received}\r\n" if asked.received else ""
        body = "" if asked.method == "HEAD" else "ok\n"
        self._say(f"{self._start}{more}content-length: 3\r\n\r\n{body}".encode())
        if asked.last:
            self.close()

    async def _take_time(self, asked: AppRequest) -> None:
        if asked.path.startswith("/slow"):
            await asyncio.sleep(asked.ms / 1000)
            self._answer(asked)
        else:
            self._say(f"{self._start}content-length: {PIECES * len(PIECE)}\r\n\r\n".encode())
            for _ in range(PIECES):
                self._say(PIECE)
                await asyncio.sleep(asked.ms / 1000 / PIECES)
            if asked.last:
                self.close()
        self._busy = None
        self._go_on()

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


class OpenApps:
    """The nodes that are open, by name."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[asyncio.Server, set[AppConversation]]] = {}

    async def open(self, name: str, address: str, port: int) -> None:
        conversations: set[AppConversation] = set()
        server = await asyncio.get_running_loop().create_server(
            lambda: AppConversation(name, conversations), address, port, backlog=1024
        )
        self._open[name] = server, conversations

    def close(self, name: str) -> None:
        server, conversations = self._open.pop(name)
        server.close()
        for conversation in list(conversations):
            conversation.close()

    async def obey(self, line: str) -> None:
        what, name, *rest = line.split()
        try:
            if what == "open":
                await self.open(name, rest[0], int(rest[1]))
            else:
                self.close(name)
        except (OSError, KeyError) as error:
            _tell(f"no {name} {error}")
        else:
            _tell(f"ok {name}")


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def serve(first: list[str]) -> None:
    """Serve ``first`` without end, or obey standard input until it ends."""
    nodes = OpenApps()
    for word in first:
        name, _, where = word.partition("=")
        address, _, port = where.rpartition(":")
        await nodes.open(name, address, int(port))
    _tell("ok")
    if first:
        await asyncio.Event().wait()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while line := await lines.readline():
        await nodes.obey(line.decode())


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(serve(sys.argv[1:]))


if __name__ == "__main__":
    main()
