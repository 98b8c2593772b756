"""POSTs that take half a second each, and an app that SIGTERM cuts off in the middle of them.

`python posts.py PORT` is the app.
"""

import http.client
import sys
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

TAKES = 0.5  # seconds


class App(BaseHTTPRequestHandler):
    """Answers everything, a POST after a while."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        time.sleep(TAKES)
        self.do_GET()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is told."""


class Posts:
    """Clients that post, one request after the other, as long as the `with` block lasts."""

    def __init__(self, port: int, clients: int = 6) -> None:
        self.outcomes: Counter[str] = Counter()
        self._port = port
        self._stop, self._lock = Event(), Lock()
        self._threads = [Thread(target=self._post) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _post(self) -> None:
        while not self._stop.wait(0.02):
            outcome = self._outcome()
            with self._lock:
                self.outcomes[outcome] += 1

    def _outcome(self) -> str:
        client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            client.request("POST", "/")
            return str(client.getresponse().status)
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            client.close()


if __name__ == "__main__":
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), App).serve_forever()
