"""kazoo's reading of the wire, bounded: whatever a server sends, and however slowly.

kazoo believes every length that it is told, waits for each part anew, and ends its thread at an
answer that it does not know.
"""

import ssl
import time
from typing import Any

from kazoo.exceptions import (
    EXCEPTIONS,
    AuthFailedError,
    ConnectionDropped,
    MarshallingError,
    SessionExpiredError,
    SystemZookeeperError,
)
from kazoo.protocol.connection import ConnectionHandler, RWServerAvailable
from kazoo.protocol.serialization import Connect, GetData, ReplyHeader, int_struct

from lbdisc.raw import bounded

LARGEST = 16 * 1024 * 1024  # bytes of an answer that is kept; some 500,000 names of children
LONGEST = 60.0  # seconds for one answer, whatever time-out a server makes out
_CHUNK = 256 * 1024
_HEADER = 16  # bytes of a ReplyHeader
_PASSED_ON = (AuthFailedError, ConnectionDropped, RWServerAvailable, SessionExpiredError)


class Frames(ConnectionHandler):  # type: ignore[misc]  # kazoo is untyped
    """What is larger than ``LARGEST`` is read and thrown away: that request alone fails.

    ``time_out`` are the seconds after which the server ends a silent session, 0 before it said so.
    """

    time_out = 0.0

    def _read_header(self, timeout: float) -> tuple[Any, bytes, int]:
        until = time.monotonic() + min(timeout, LONGEST)
        length = int_struct.unpack(self._read(4, timeout))[0]
        if length < _HEADER:
            raise ConnectionDropped(f"an answer of {length} bytes: no ZooKeeper, or a broken one")
        if length <= LARGEST:
            body = self._read(length, until - time.monotonic())
        else:
            body = self._read(_HEADER, until - time.monotonic())
            self._throw_away(length - _HEADER, until)
        header, offset = ReplyHeader.deserialize(body, 0)
        if length > LARGEST:
            header = header._replace(err=MarshallingError.code)
        elif header.err and header.err not in EXCEPTIONS:
            header = header._replace(err=SystemZookeeperError.code)
        return header, body, offset

    def _throw_away(self, length: int, until: float) -> None:
        while length > 0:
            length -= len(self._read(min(length, _CHUNK), until - time.monotonic()))

    def _read(self, length: int, timeout: float) -> bytes:
        """``length`` bytes within ``timeout`` seconds."""
        if not 0 <= length <= LARGEST:
            raise ConnectionDropped(f"an answer of {length} bytes: no ZooKeeper, or a broken one")
        until, found = time.monotonic() + min(timeout, LONGEST), bytearray()
        with self._socket_error_handling():
            while len(found) < length:
                left = until - time.monotonic()
                if left <= 0 or not self.handler.select([self._socket], [], [], left)[0]:
                    raise self.handler.timeout_exception("an answer that does not come to an end")
                try:
                    part = self._socket.recv(min(length - len(found), _CHUNK))
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                    continue
                if not part:
                    raise ConnectionDropped("socket connection broken")
                found += part
        return bytes(found)

    def _read_socket(self, read_timeout: float) -> Any:
        try:
            return super()._read_socket(read_timeout)
        except (*_PASSED_ON, self.handler.timeout_exception):
            raise
        except Exception as error:
            raise _nonsense(error) from error

    def _invoke(self, timeout: float, request: Any, xid: int | None = None) -> Any:
        try:
            answer = super()._invoke(timeout, request, xid)
            if isinstance(request, Connect):
                self.time_out = answer[0].time_out / 1000
            return answer
        except (*_PASSED_ON, self.handler.timeout_exception):
            raise
        except Exception as error:
            raise _nonsense(error) from error


def _nonsense(error: Exception) -> ConnectionDropped:
    kind = type(error).__name__
    return ConnectionDropped(f"an answer that does not fit ({kind}): no ZooKeeper, or a broken one")


class ReadNode(GetData):  # type: ignore[misc]  # kazoo is untyped
    """Asks for a node; of data that is too large for a record only the size is kept."""

    @classmethod
    def deserialize(cls, answer: bytes, offset: int) -> tuple[Any, Any]:
        data, status = super().deserialize(answer, offset)
        return bounded(data or b""), status
