"""The server of the page: a thread of its own, a socket, and nothing that wakes up by itself."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from lbdisc.errors import SettingsError
from lbdisc_web.settings import WebSettings
from lbdisc_web.view import Document

if TYPE_CHECKING:
    import uvicorn

    from lbdisc_web.hub import OpenPages

HEAD = 16 * 1024  # bytes of a request's line and headers
CONNECTIONS = 400  # at once: two of each page, and room for others
SILENT = 15_000  # milliseconds that a reader may take nothing (tcp(7), TCP_USER_TIMEOUT)
LAST = 0.3  # seconds for answers that are under way when it ends


class PageServer:
    """Serves from when it is made until ``close``; ``make`` makes the document, in its thread.

    Raises ``SettingsError`` where the port is taken or the certificate is bad.
    """

    def __init__(
        self, settings: WebSettings, state_dir: Path, make: Callable[[], Document]
    ) -> None:
        self._settings = settings
        self._state_dir = state_dir
        self._make = make
        check_certificate(settings)
        self._socket = listening(settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hub: OpenPages | None = None
        self._server: uvicorn.Server | None = None
        self._closed = False
        self._over: asyncio.Event | None = None
        self._thread = Thread(target=self._run, name="lbdisc-web", daemon=True)
        self._thread.start()

    def news(self) -> None:
        """Something happened; from any thread. While no page is open, nothing wakes up for it."""
        if (hub := self._hub) is not None and hub.watched:
            self._call(hub.news)

    @property
    def runs(self) -> bool:
        """Whether its thread has not ended."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End within half a second, whoever reads."""
        self._closed = True
        self._call(self._end)
        self._thread.join(LAST)
        if self._thread.is_alive() and self._server is not None:
            self._server.force_exit = True
            self._thread.join(0.1)
        self._socket.close()

    def _call(self, what: Callable[[], None]) -> None:
        if (loop := self._loop) is not None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(what)

    def _end(self) -> None:
        if self._hub and self._over:
            self._hub.close()
            self._over.set()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        import uvicorn

        from lbdisc_web.app import application
        from lbdisc_web.gate import PageGate
        from lbdisc_web.hub import OpenPages

        self._over = over = asyncio.Event()
        self._hub = hub = OpenPages(self._make)
        self._loop = asyncio.get_running_loop()
        if self._closed:
            return

        class Server(uvicorn.Server):
            """Its own loop looks ten times a second whether it is to end; this one is told."""

            async def main_loop(self) -> None:
                await over.wait()

        settings = self._settings
        gate = PageGate(
            token=settings.secret,
            open_to_read=settings.open,
            names=frozenset(name.lower() for name in settings.names),
        )
        config = uvicorn.Config(
            application(hub, gate, self._state_dir),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=HEAD,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=1,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
        )
        self._server = Server(config)
        await self._server.serve(sockets=[self._socket])


def listening(settings: WebSettings) -> socket.socket:
    """A socket that takes connections at ``bind``. Raises ``SettingsError``."""
    address, port = settings.place
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT)
        made.bind((address, port))
        made.listen(256)
    except OSError as error:
        made.close()
        what = f"web.bind {settings.bind}: {error.strerror}: the page stays off"
        raise SettingsError(what) from error
    made.setblocking(False)
    return made


def check_certificate(settings: WebSettings) -> None:
    """Raises ``SettingsError`` where the certificate or its key is no good."""
    if settings.tls_cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        what = f"web.tls_cert {settings.tls_cert}, web.tls_key {settings.tls_key}"
        raise SettingsError(f"{what}: {error}: the page stays off") from error
