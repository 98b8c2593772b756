"""A small HTTP server in a thread of its own: whoever asks slowly, much or often is bounded.

One loop serves all, so that who sends a byte a minute costs a socket and no thread. The agent's
own threads wait for nothing here.
"""

import asyncio
import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import Any

import structlog

from lbdisc.backoff import Backoff
from lbdisc_metrics.asking import ScrapeReply, ScrapeRequest
from lbdisc_metrics.settings import Door

LONGEST = 8192  # bytes of a request's head
PATIENCE = 5.0  # seconds for one request and its reply, the handshake of TLS aside
MOST = 256  # connections at once; of more the longest known is closed
FIRST, LAST = 1.0, 30.0  # seconds between two tries to listen
_LINGER = 65536  # bytes of a request that is refused, read so that the refusal is heard
_log = structlog.get_logger("lbdisc.metrics")


class MetricsServer:
    """Serves ``answer`` at ``door`` from ``start`` to ``close``.

    A port that is taken, or a certificate that cannot be read, is said once and tried again.
    """

    def __init__(
        self,
        door: Door,
        answer: Callable[[ScrapeRequest], ScrapeReply],
        *,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        self._door = door
        self._answer = answer
        self._certificate = certificate
        self._key = key
        self._asking: dict[asyncio.Task[Any], None] = {}  # the longest known first
        self._broke = False  # whether that was told
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = Thread(target=self._run, name="lbdisc-metrics", daemon=True)

    @property
    def open(self) -> int:
        """How many ask now."""
        return len(self._asking)

    def start(self) -> None:
        """Returns at once."""
        self._thread.start()

    def close(self, timeout: float = 0.3) -> None:
        """Let go of the port and of who asks, within ``timeout`` seconds."""
        with suppress(RuntimeError):  # its loop is over
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            self._loop.set_exception_handler(_passed_over)
            runner.run(self._serve())

    async def _serve(self) -> None:
        backoff, said = Backoff(FIRST, LAST), ""
        while not self._stop.is_set():
            try:
                server = await self._listening()
            except OSError as error:  # of TLS as well
                if (why := _why(error)) != said:
                    said = why
                    _log.warning(
                        "metrics are not served, trying again", at=str(self._door), why=why
                    )
                await self._pause(backoff.next())
                continue
            if said:
                _log.info("metrics are served now", at=str(self._door))
            async with server:
                await self._stop.wait()
                for task in self._asking:
                    task.cancel()
            return

    async def _listening(self) -> asyncio.Server:
        return await asyncio.start_server(
            self._talk,
            self._door.host,
            self._door.port,
            limit=LONGEST,
            ssl=self._context(),
            **({"ssl_handshake_timeout": PATIENCE} if self._certificate else {}),
        )

    def _context(self) -> ssl.SSLContext | None:
        if self._certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate, self._key)
        return context

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._asking[task] = None
        if len(self._asking) > MOST:
            next(iter(self._asking)).cancel()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._reply(reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # slow, gone, or one too many
        finally:
            self._asking.pop(task, None)
            writer.transport.abort()

    def _answered(self, asked: ScrapeRequest) -> ScrapeReply:
        try:
            return self._answer(asked)
        except Exception:  # noqa: BLE001 - nobody who asks may end the loop that serves all
            if not self._broke:
                _log.exception("metrics cannot be told")
            self._broke = True
            return ScrapeReply.line(HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked: ScrapeRequest | None = None
        status = HTTPStatus.BAD_REQUEST
        try:
            asked = ScrapeRequest.read(await reader.readuntil(b"\r\n\r\n"))
        except asyncio.IncompleteReadError as error:
            if not error.partial:
                return
        except asyncio.LimitOverrunError:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        reply = ScrapeReply.line(status) if asked is None else self._answered(asked)
        writer.transport.set_write_buffer_limits(0)  # drained is sent
        writer.write(reply.to_bytes(body=asked is None or asked.method != "HEAD"))
        await writer.drain()
        if asked is None:
            await _linger(reader, writer)
        writer.close()
        await writer.wait_closed()


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A socket closed with bytes unread takes the reply with it (RFC 9112 9.6)."""
    if writer.can_write_eof():
        writer.write_eof()
    left = _LINGER
    with suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            while left > 0 and (found := await reader.read(left)):
                left -= len(found)


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"tls_cert or tls_key: {error.reason or error}"
    return os.strerror(error.errno) if error.errno else str(error)


def _passed_over(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncio has to say of connections that broke, which is nothing for an operator."""
    _log.debug("a connection broke", why=str(context.get("message", "")))
