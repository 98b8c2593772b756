"""Fast web apps for load: any number of nodes in one process, told over its standard input.

``open NAME PORT`` listens, ``close NAME`` ends listening and the node's connections; each line is
answered by ``ok NAME`` on standard output. Every answer carries ``x-node: NAME``. The first words
of the command line are nodes that are open from the start, as ``NAME=PORT``.
"""

import asyncio
import resource
import sys

Connections = set["Conversation"]


class Conversation(asyncio.Protocol):
    """One connection: an answer for each request head, whatever it asks for."""

    def __init__(self, name: str, open_ones: Connections) -> None:
        head = f"HTTP/1.1 200 OK\r\nx-node: {name}\r\ncontent-length: "
        self._get = f"{head}3\r\n\r\nok\n".encode()
        self._head = f"{head}3\r\n\r\n".encode()
        self._open_ones = open_ones
        self._rest = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._open_ones.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._open_ones.discard(self)

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        *requests, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for request in requests:
            self.transport.write(self._head if request.startswith(b"HEAD") else self._get)
            if b"\nconnection: close" in request.lower():
                self.transport.close()


class Nodes:
    """The nodes that are open, by name."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[asyncio.Server, Connections]] = {}

    async def open(self, name: str, port: int) -> None:
        connections: Connections = set()
        server = await asyncio.get_running_loop().create_server(
            lambda: Conversation(name, connections), "127.0.0.1", port, backlog=1024
        )
        self._open[name] = server, connections

    def close(self, name: str) -> None:
        server, connections = self._open.pop(name)
        server.close()
        for conversation in list(connections):
            if conversation.transport is not None:
                conversation.transport.close()

    async def obey(self, line: str) -> None:
        what, name, *rest = line.split()
        if what == "open":
            await self.open(name, int(rest[0]))
        else:
            self.close(name)
        print(f"ok {name}", flush=True)


async def serve(first: list[str]) -> None:
    """Open ``first`` and obey standard input until it ends."""
    nodes = Nodes()
    for word in first:
        name, _, port = word.partition("=")
        await nodes.open(name, int(port))
    print("ok", flush=True)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while line := await lines.readline():
        await nodes.obey(line.decode())


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(serve(sys.argv[1:]))
