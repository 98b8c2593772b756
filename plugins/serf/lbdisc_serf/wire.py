"""The wire of Serf's RPC: msgpack objects over TCP without frames, awaited with deadlines."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import msgpack

from lbdisc_serf.settings import Address, joined

MAX_REPLY = 32 * 1024 * 1024  # bytes; some 50,000 members
# What an agent says is flat: room is made for what it announces before anything of it has come.
_LIMITS = {
    "max_str_len": 1024 * 1024,
    "max_bin_len": 1024 * 1024,
    "max_array_len": 100_000,
    "max_map_len": 10_000,
    "max_ext_len": 0,
}
PARTING = 0.5  # seconds that the agent gets to close its end too
LONGEST = 30.0  # seconds that an answer may take whose parts go on coming
SLICE = 0.1  # seconds between two looks at whether the caller wants to stop


class RpcError(Exception):
    """The agent did not do what it was asked; the connection is closed. Holds no secret."""


class RpcRefused(RpcError):
    """The agent asks for a key, or for another one."""


class RpcStopped(RpcError):
    """The caller wanted to stop."""


def never() -> bool:
    return False


class Wire:
    """A connection that sends and receives msgpack objects; any failure closes it."""

    def __init__(self, address: Address, *, timeout: float, stopped: Callable[[], bool]) -> None:
        self.where = joined(address)
        self.timeout = timeout
        self._stopped = stopped
        # Old msgpack on both sides: texts are raw bytes, and bytes are the same thing.
        self._unpacker = msgpack.Unpacker(raw=True, max_buffer_size=MAX_REPLY, **_LIMITS)
        try:
            self._socket = socket.create_connection(address, timeout)
        except OSError as error:
            raise RpcError(f"no Serf agent at {self.where}: {error.strerror or error}") from error
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def send(self, *objects: object) -> None:
        """Send all ``objects`` at once."""
        packed = b"".join(msgpack.packb(part, use_bin_type=False) for part in objects)
        try:
            self._socket.settimeout(self.timeout)
            self._socket.sendall(packed)
        except OSError as error:
            raise self.broken(f"the connection broke: {error.strerror or error}") from error

    def receive(self, timeout: float | None = None) -> object:
        """The next object. Raises ``RpcError`` when it does not come in time or is no msgpack."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while (found := self.waiting()) is None:
            late = LONGEST if self._read(min(SLICE, end - time.monotonic())) else 0.0
            if time.monotonic() >= end + late:
                raise self.broken("it does not answer")
        return found

    def waiting(self) -> object | None:
        """The next object that has arrived as a whole, if there is one."""
        try:
            found: object = self._unpacker.unpack()
        except msgpack.OutOfData:
            return None
        except (ValueError, TypeError, MemoryError, msgpack.UnpackException) as error:
            raise self.broken("it does not speak Serf's RPC") from error
        if found is None:
            raise self.broken("an empty answer: it does not speak Serf's RPC")
        return found

    def pending(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for bytes; whether there are any now.

        Raises ``RpcError`` when the agent has closed the connection.
        """
        return self._read(timeout)

    def _read(self, timeout: float) -> bool:
        if self._stopped():
            self.part()
            raise RpcStopped(f"the Serf agent at {self.where}: stopped")
        try:
            if not self._poll.poll(max(0.0, timeout) * 1000):
                return False
            received = self._socket.recv(65536)
            if received:
                self._unpacker.feed(received)
        except msgpack.BufferFull as error:
            raise self.broken(f"an answer of more than {MAX_REPLY} bytes") from error
        except OSError as error:
            raise self.broken(f"the connection broke: {error.strerror or error}") from error
        if not received:
            raise self.broken("it closed the connection")
        return True

    def broken(self, what: str) -> RpcError:
        """Close, and the error that says ``what`` happened."""
        self.close()
        return RpcError(f"the Serf agent at {self.where}: {what}")

    def part(self) -> None:
        """Say that no more is asked, read what is still on its way until the agent closes, close.

        A connection that is closed with something unread is reset, and the agent logs an error.
        """
        end = time.monotonic() + PARTING
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            while (left := end - time.monotonic()) > 0:
                self._socket.settimeout(left)
                if not self._socket.recv(65536):
                    break
        self.close()

    def close(self) -> None:
        """Close at once."""
        with suppress(OSError):
            self._socket.close()
