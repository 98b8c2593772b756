"""An app whose answers take as long as a test wants, and clients that wait for them."""

import http.client
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


class PatientApp:
    """Answers ``HEAD`` at once, and ``GET`` once ``may_answer`` is set."""

    def __init__(self) -> None:
        self.may_answer = may_answer = Event()

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(200)
                self.end_headers()

            def do_GET(self) -> None:
                may_answer.wait()
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                """Nothing is to be told."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    @contextmanager
    def serving(self) -> Iterator["PatientApp"]:
        thread = Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self.may_answer.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    @contextmanager
    def asked(self, port: int, host: str, count: int) -> Iterator[list[Future[str]]]:
        """``count`` requests for ``host`` at ``port``, whose answers come when they may."""
        with ThreadPoolExecutor(count) as pool:
            try:
                yield [pool.submit(_answer, port, host) for _ in range(count)]
            finally:
                self.may_answer.set()


def _answer(port: int, host: str) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().read().decode()
