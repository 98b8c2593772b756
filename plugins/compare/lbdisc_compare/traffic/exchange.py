"""One HTTP/1.1 connection of the load: it never repeats a request, and says how each one ended."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import h11

READ = 65536  # bytes
AGENT = ("user-agent", "lbdisc-compare")


class Unanswered(Exception):
    """A request got no whole answer; the text says why, in a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadCall:
    """What is asked. A ``body`` makes it a POST."""

    path: str = "/"
    body: bytes = b""
    close: bool = False

    def head(self, host: str) -> h11.Request:
        headers = [("host", host), AGENT]
        if self.close:
            headers.append(("connection", "close"))
        if self.body:
            headers.append(("content-length", str(len(self.body))))
        return h11.Request(method="POST" if self.body else "GET", target=self.path, headers=headers)


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """A whole answer: its status, and the node that gave it (``x-node``)."""

    status: int
    node: str


class LoadConnection:
    """A connection to ``address:port``. ``node`` gives the last answer, or began to."""

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port
        self.node = ""
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._http = h11.Connection(h11.CLIENT)

    @property
    def usable(self) -> bool:
        """Whether it is open, and neither side has said that it ends."""
        reader = self._reader
        return reader is not None and not reader.at_eof() and reader.exception() is None

    async def ask(self, call: LoadCall, timeout: float) -> WholeAnswer:
        """Send one request and read all of its answer. Raises ``Unanswered``."""
        reusable, self.node = False, ""
        try:
            async with asyncio.timeout(timeout):
                answer = await self._exchange(call)
            reusable = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        except (Unanswered, OSError, h11.RemoteProtocolError) as error:
            raise Unanswered(reason(error, timeout)) from error
        finally:
            if not reusable:
                self.close()
        return answer

    async def _exchange(self, call: LoadCall) -> WholeAnswer:
        if self.usable:
            self._http.start_next_cycle()
        else:
            self._reader, self._writer = await asyncio.open_connection(self._address, self._port)
            self._http = h11.Connection(h11.CLIENT)
        assert self._writer is not None
        self._writer.write(self._http.send(call.head(self._address)) or b"")
        if call.body:
            self._writer.write(self._http.send(h11.Data(data=call.body)) or b"")
        self._http.send(h11.EndOfMessage())
        await self._writer.drain()
        return await self._answer()

    async def _answer(self) -> WholeAnswer:
        assert self._reader is not None
        head: h11.Response | None = None
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                part = await self._reader.read(READ)
                if not part and head is None:
                    raise Unanswered("closed before an answer")
                self._http.receive_data(part)
            elif isinstance(event, h11.Response):
                head, self.node = event, _node(event)
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                return WholeAnswer(head.status_code, self.node)

    def close(self) -> None:
        """Let go of the connection."""
        writer, self._writer, self._reader = self._writer, None, None
        if writer is not None:
            with suppress(RuntimeError):
                writer.close()


def _node(head: h11.Response) -> str:
    headers = cast("list[tuple[bytes, bytes]]", head.headers)
    return next((value.decode("latin-1") for name, value in headers if name == b"x-node"), "")


def reason(error: Exception, timeout: float) -> str:
    """Why a request was lost, in a few words that repeat."""
    match error:
        case TimeoutError():
            return f"no whole answer in {timeout:g} s"
        case ConnectionRefusedError():
            return "refused"
        case ConnectionResetError() | BrokenPipeError():
            return "reset"
        case OSError():
            return f"connection failed: {error.strerror or error}"
        case h11.RemoteProtocolError():
            return "answer cut short"
        case _:
            return str(error)
