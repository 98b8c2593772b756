"""A stage for incidents: an agent that looks often and shows its page, and a node that is slow."""

import os
import signal
from collections.abc import Mapping
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Self

from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.scene import Scene


class Stage(Scene):
    """A scene whose agent looks at all servers each second, and shows its page at port ``page``."""

    def __init__(self, folder: Path) -> None:
        self.page = free_port()
        super().__init__(folder, **self._own)

    @property
    def _own(self) -> dict[str, Mapping[str, object]]:
        return {
            "agent": {"verify_every": 1.0, "name": "lb1"},
            "web": {"bind": str(self.page)},
        }

    def use(self, backend: str, its: Mapping[str, object]) -> None:
        """Another registry, for an agent that is started then."""
        self.write_settings(**{**self._own, "core": {"backend": backend}, backend: its})

    def kill_haproxy(self) -> None:
        """Its master, with kill -9."""
        os.kill(self.haproxy_pid(), signal.SIGKILL)

    def change(self, **tables: Mapping[str, object]) -> None:
        """Other settings, read again."""
        self.write_settings(**{**self._own, **tables})
        self.hup()


class Slow:
    """A node that passes checks, and answers no other request before it ends."""

    def __init__(self) -> None:
        over, self._asked = Event(), Event()
        asked = self._asked

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(200)
                self.end_headers()

            def do_GET(self) -> None:
                asked.set()
                over.wait()

        self._over = over
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._clients: list[HTTPConnection] = []
        self.port = int(self._server.server_port)
        Thread(target=self._server.serve_forever, daemon=True).start()

    def keep_busy(self, port: int) -> None:
        """Ask the load balancer at ``port`` until a request of ours is here."""

        def asked() -> bool:
            client = HTTPConnection("127.0.0.1", port)
            self._clients.append(client)
            client.request("GET", "/")
            return self._asked.wait(0.2)

        eventually(asked, what="a request on the slow node")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for client in self._clients:
            client.close()
        self._server.shutdown()
        self._server.server_close()
