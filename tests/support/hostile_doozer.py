"""A server that speaks doozer's frames and says whatever a test wants, as no real one would."""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from lbdisc_doozer.messages import Request, Response, Verb

Says = Callable[[int, Request], bytes | None]
_HEAD = struct.Struct(">I")


def framed(message: bytes) -> bytes:
    return _HEAD.pack(len(message)) + message


def good(tag: int, request: Request) -> bytes | None:
    """An empty store at revision 5, where nothing ever happens; ``None``: no answer."""
    if request.verb == Verb.WAIT:
        return None
    if request.verb == Verb.REV:
        return framed(Response(rev=5).encode(tag))
    return framed(Response(rev=0, len=0).encode(tag))


class HostileDoozer:
    """Listens on ``port``; ``says`` makes the bytes that answer each request."""

    def __init__(self, says: Says) -> None:
        self._says = says
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.asked: list[Request] = []
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, client.makefile("rb") as stream:
            while head := stream.read(_HEAD.size):
                tag, request = Request.decode(stream.read(_HEAD.unpack(head)[0]))
                self.asked.append(request)
                if answer := self._says(tag or 0, request):
                    client.sendall(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._open:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
