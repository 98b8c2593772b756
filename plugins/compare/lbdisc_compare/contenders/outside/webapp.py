"""A node's web app: ``python webapp.py NAME ADDRESS PORT``; every answer says ``x-node: NAME``.

HTTP/1.1 with kept connections; a body up to its ``content-length`` is read and dropped.
"""

import asyncio
import sys

HEAD_END = b"\r\n\r\n"


class Visitor(asyncio.Protocol):
    """One connection: an answer for each request, in their order."""

    def __init__(self, name: str) -> None:
        head = f"HTTP/1.1 200 OK\r\nx-node: {name}\r\ncontent-length: 3\r\n\r\n".encode()
        self._answers = {True: head, False: head + b"ok\n"}
        self._rest = b""
        self._body = 0  # bytes of a request's body that are still to come
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while self._rest:
            dropped = min(self._body, len(self._rest))
            self._rest, self._body = self._rest[dropped:], self._body - dropped
            head, end, rest = self._rest.partition(HEAD_END)
            if self._body or not end:
                return
            self._rest = rest
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        assert self._transport is not None
        fields = head.lower()
        _, _, length = fields.partition(b"\r\ncontent-length:")
        self._body = int(length.split(b"\r\n", 1)[0] or 0)
        self._transport.write(self._answers[head.startswith(b"HEAD ")])
        if b"\r\nconnection: close" in fields:
            self._transport.close()


async def serve(name: str, address: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Visitor(name), address, port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
