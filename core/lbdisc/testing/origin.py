"""A web server behind a load balancer that keeps its answers back until it may give them."""

import socket
from threading import Event, Thread
from types import TracebackType
from typing import Self

from lbdisc.values import Endpoint

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
LIMIT = 30.0  # seconds


class Origin:
    """Listens on loopback; ``asked`` is set with the first request, ``may_answer`` lets it go."""

    def __init__(self) -> None:
        self.asked = Event()
        self.may_answer = Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads = [Thread(target=self._accept, name="origin", daemon=True)]
        self._threads[0].start()

    def endpoint(self) -> Endpoint:
        return Endpoint(service="nodes", name="s1", address="127.0.0.1", port=self.port)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            thread = Thread(target=self._answer, args=(connection,), name="origin", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(LIMIT)
            try:
                if connection.recv(65536):
                    self.asked.set()
                    self.may_answer.wait(LIMIT)
                    connection.sendall(ANSWER)
            except OSError:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.may_answer.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(LIMIT)
