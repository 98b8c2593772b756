"""A web server for tests that answers when it may, and knows who asked it."""

import socket
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Self


class Answering:
    """Keeps connections open; each request waits for ``may_answer``, which is set at first."""

    def __init__(self) -> None:
        self.may_answer = Event()
        self.may_answer.set()
        self.requests = 0
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listening.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.may_answer.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._open.append(connection)
                Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            asked = b""
            while received := connection.recv(4096):
                asked += received
                while b"\r\n\r\n" in asked:
                    head, asked = asked.split(b"\r\n\r\n", 1)
                    self._answer(connection, head)

    def _answer(self, connection: socket.socket, head: bytes) -> None:
        if b"/check" not in head:
            self.requests += 1
            self.may_answer.wait(30)
        body = str(self.port).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
