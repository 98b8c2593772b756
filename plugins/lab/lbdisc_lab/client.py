"""One HTTP connection that never retries and says how each request ended."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import h11

READ = 65536  # bytes
MOST_BODY = 1024 * 1024  # bytes


class Lost(Exception):
    """A request got no proper answer; the text says why, in a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The status of an answer, and the node that gave it where it says so."""

    status: int
    node: str = ""


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """Where requests go. Make it with ``HttpTarget.of``."""

    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> "HttpTarget":
        """The target of an ``http://`` address. Raises ``ValueError``."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url!r} is no http:// address")
        query = f"?{parts.query}" if parts.query else ""
        return cls(parts.hostname, parts.port or 80, f"{parts.path or '/'}{query}")

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class HttpConnection:
    """Sends ``GET`` requests to ``target``, one after the other.

    With ``keep_alive`` the connection is used again until the other side closes it; a request that
    meets a connection closed under it is lost, as it would be for a client that may not repeat it.
    ``kept`` tells whether the last request went over a connection that had served before.
    """

    def __init__(self, target: HttpTarget, *, keep_alive: bool, timeout: float) -> None:
        self.kept = False
        self._timeout = timeout
        self._target = target
        self._keep_alive = keep_alive
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._http = h11.Connection(h11.CLIENT)

    async def get(self) -> Reply:
        """Send one request and read its whole answer. Raises ``Lost``."""
        reusable = False
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._exchange()
            reusable = self._keep_alive and self._http.our_state is h11.DONE
        except (Lost, OSError, h11.RemoteProtocolError) as error:
            raise Lost(_reason(error, self._timeout)) from error
        finally:
            if not reusable:
                await self.close()
        return answer

    async def _exchange(self) -> Reply:
        self.kept = self._open
        if self.kept:
            self._http.start_next_cycle()
        else:
            await self._connect()
        await self._send()
        return await self._receive()

    @property
    def _open(self) -> bool:
        """Whether the connection is there and the other side has not ended it."""
        reader = self._reader
        return reader is not None and not reader.at_eof() and reader.exception() is None

    async def _connect(self) -> None:
        await self.close()
        self._reader, self._writer = await asyncio.open_connection(
            self._target.host, self._target.port
        )
        self._http = h11.Connection(h11.CLIENT)

    async def _send(self) -> None:
        assert self._writer is not None
        headers = [("host", self._target.authority), ("user-agent", "lbdisc-lab")]
        if not self._keep_alive:
            headers.append(("connection", "close"))
        request = h11.Request(method="GET", target=self._target.path, headers=headers)
        self._writer.write(self._http.send(request) or b"")
        self._http.send(h11.EndOfMessage())
        await self._writer.drain()

    async def _receive(self) -> Reply:
        response: h11.Response | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._read(answering=response is not None))
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MOST_BODY:
                    raise Lost("answer too long")
            elif isinstance(event, h11.EndOfMessage):
                assert response is not None
                return Reply(status=response.status_code, node=_node(response, bytes(body)))

    async def _read(self, *, answering: bool) -> bytes:
        assert self._reader is not None
        part = await self._reader.read(READ)
        if not part and not answering:
            raise Lost("closed before an answer")
        return part

    async def close(self) -> None:
        """Let go of the connection."""
        writer, self._writer, self._reader = self._writer, None, None
        if writer is not None:
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


def _node(response: h11.Response, body: bytes) -> str:
    """The node's name as the lab's web app tells it, else its address."""
    headers = cast("list[tuple[bytes, bytes]]", response.headers)
    address = next((value for name, value in headers if name == b"x-backend-ip"), b"")
    if not address:
        return ""
    with suppress(ValueError):
        found = json.loads(body)
        if isinstance(found, dict) and isinstance(found.get("host"), str):
            return str(found["host"])
    return address.decode("latin-1")


def _reason(error: Exception, timeout: float) -> str:
    """The fate of a request in a few words."""
    match error:
        case TimeoutError():
            return f"no answer in {timeout:g} s"
        case ConnectionRefusedError():
            return "refused"
        case ConnectionResetError() | BrokenPipeError():
            return "reset"
        case OSError():
            return f"connection failed: {error.strerror or error}"
        case h11.RemoteProtocolError():
            return f"bad answer: {error}"
        case _:
            return str(error)
