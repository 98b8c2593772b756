"""A TCP proxy in front of a real server that breaks the way networks break."""

import select
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK = 65536  # bytes
LOOK = 0.02  # seconds between two looks whether all is over
NO_LINGER = struct.pack("ii", 1, 0)  # close by a reset, as a host that forgot the connection


class _Connection:
    """Two sockets and a thread for each direction; the last thread closes both sockets."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.sockets = (client, server)
        self.broken = threading.Event()
        self.closed = threading.Event()
        self._open = 2
        self._lock = threading.Lock()
        for one in self.sockets:
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ready(self, one: socket.socket, event: int) -> bool:
        """Wait until ``one`` can be read or written; false when the connection is broken."""
        poll = select.poll()
        poll.register(one, event)
        while not self.broken.is_set():
            if poll.poll(LOOK * 1000):
                return True
        return False

    def send(self, target: socket.socket, content: bytes) -> None:
        while content and self.ready(target, select.POLLOUT):
            content = content[target.send(content) :]

    def ended(self) -> None:
        """One direction is over."""
        with self._lock:
            self._open -= 1
            if self._open:
                return
        for one in self.sockets:
            if self.broken.is_set():
                with suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            one.close()
        self.closed.set()


class FaultProxy:
    """Listens on ``port`` of loopback and passes everything to ``target``.

    ``cut`` resets all connections and refuses new ones, ``drop`` only resets them, ``stall`` keeps
    and accepts connections but passes nothing, ``delay`` passes everything later by some seconds,
    and ``heal`` ends all of that: what was stalled goes on with what was held back. Leaving the
    ``with`` block closes everything.
    """

    def __init__(self, target: int, *, host: str = "127.0.0.1", address: str = "127.0.0.1") -> None:
        self.target = (host, target)
        self.address = address
        self.port = 0
        self._seconds = 0.0
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._connections: set[_Connection] = set()
        self._threads: set[threading.Thread] = set()
        self._listener: socket.socket | None = None
        self._closed = False
        self.heal()

    def cut(self) -> None:
        """Reset all connections; new ones are refused until ``heal``."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):  # wakes the thread that accepts
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.drop()

    def drop(self) -> None:
        """Reset all connections; new ones are welcome."""
        with self._lock:
            doomed = list(self._connections)
        for connection in doomed:
            connection.broken.set()
        for connection in doomed:
            connection.closed.wait()

    def stall(self) -> None:
        """Pass nothing until ``heal``; connections stay, and new ones are accepted."""
        self._flowing.clear()

    def delay(self, seconds: float) -> None:
        """Pass everything, in both directions, ``seconds`` later."""
        self._seconds = seconds

    def heal(self) -> None:
        """As a good network again."""
        self._seconds = 0.0
        self._flowing.set()
        if self._listener is None and not self._closed:
            listener = socket.create_server((self.address, self.port))
            self.port = listener.getsockname()[1]
            self._listener = listener
            self._start(self._accept, listener)

    @property
    def connections(self) -> int:
        """How many connections it carries."""
        with self._lock:
            return len(self._connections)

    def close(self) -> None:
        """End everything; no thread stays."""
        self._closed = True
        self.cut()
        self._flowing.set()
        while self._threads:
            with self._lock:
                threads = list(self._threads)
            for thread in threads:
                thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        def run() -> None:
            try:
                work(*arguments)
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, name="fault proxy", daemon=True)
        with self._lock:  # whoever closes joins only what was started
            self._threads.add(thread)
            thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the listener was closed: cut off
            while True:
                client, _ = listener.accept()
                self._start(self._connect, client, listener)

    def _connect(self, client: socket.socket, listener: socket.socket) -> None:
        try:
            server = socket.create_connection(self.target, timeout=10)
        except OSError:
            client.close()
            return
        connection = _Connection(client, server)
        with self._lock:
            self._connections.add(connection)
            if self._listener is not listener:  # cut off while connecting
                connection.broken.set()
        self._start(self._pass, connection, client, server)
        self._start(self._pass, connection, server, client)

    def _pass(self, connection: _Connection, source: socket.socket, target: socket.socket) -> None:
        try:
            while connection.ready(source, select.POLLIN):
                content = source.recv(CHUNK)
                self._hold_back(connection)
                if not content:
                    target.shutdown(socket.SHUT_WR)
                    break
                connection.send(target, content)
        except OSError:  # either side may be reset at any moment
            connection.broken.set()
        finally:
            connection.ended()
            if connection.closed.is_set():
                with self._lock:
                    self._connections.discard(connection)

    def _hold_back(self, connection: _Connection) -> None:
        if self._seconds:
            connection.broken.wait(self._seconds)
        while not self._flowing.wait(LOOK):
            if connection.broken.is_set():
                raise ConnectionResetError
