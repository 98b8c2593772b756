"""Requests at a steady rate that are never repeated, so that every loss is counted.

``python -m benchmarks.load PORT RATE keep-alive|close`` sends until its standard input ends, then
prints JSON: ``sent``, ``lost``, ``reasons``, ``rate`` and ``p99`` (ms). A process of its own, as
the measurement beside it wants the interpreter too.
"""

import json
import select
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from benchmarks.report import percentile
from benchmarks.servers import ROOT

CONNECTIONS = 20
TIMEOUT = 5.0  # seconds


class Client(Thread):
    """One connection's worth of requests, one each ``interval`` seconds."""

    def __init__(self, port: int, interval: float, *, keep_alive: bool, stop: Event) -> None:
        super().__init__()
        self._port, self._interval, self._keep_alive = port, interval, keep_alive
        self._stop_asked = stop
        self._connection: socket.socket | None = None
        how = "keep-alive" if keep_alive else "close"
        self._request = f"GET / HTTP/1.1\r\nHost: b\r\nConnection: {how}\r\n\r\n".encode()
        self.times: list[float] = []
        self.lost: Counter[str] = Counter()

    def run(self) -> None:
        due = time.monotonic()
        while not self._stop_asked.is_set():
            began = time.monotonic()
            if reason := self._send():
                self.lost[reason] += 1
                self._close()
            else:
                self.times.append(time.monotonic() - began)
            due += self._interval
            time.sleep(max(0.0, due - time.monotonic()))
        self._close()

    def _send(self) -> str:
        """The reason why a request was lost, or ``""``."""
        try:
            connection = self._open()
            connection.sendall(self._request)
            answer = b""
            while b"\r\n\r\n" not in answer or not _is_whole(answer):
                part = connection.recv(65536)
                if not part:
                    return "closed before an answer"
                answer += part
        except OSError as error:
            return type(error).__name__
        if not self._keep_alive or b"\r\nconnection: close" in answer:
            self._close()
        return "" if answer.startswith(b"HTTP/1.1 200 ") else answer[9:12].decode()

    def _open(self) -> socket.socket:
        """The connection; a new one where HAProxy has ended it before this request."""
        if self._connection and select.select([self._connection], [], [], 0)[0]:
            self._close()
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self._port), TIMEOUT)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    _, _, rest = head.lower().partition(b"content-length: ")
    return len(body) >= int(rest.split(b"\r")[0]) if rest else False


@contextmanager
def load(port: int, rate: int, *, keep_alive: bool) -> Iterator[dict[str, Any]]:
    """Requests for the time of the ``with`` block; its value is filled with the result after it."""
    found: dict[str, Any] = {}
    how = "keep-alive" if keep_alive else "close"
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load", str(port), str(rate), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        yield found
        output, _ = child.communicate(timeout=30)
        found.update(json.loads(output))
    finally:
        child.kill()
        child.wait()


def main() -> None:
    port, rate, how = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    stop = Event()
    interval = CONNECTIONS / rate
    keep = how == "keep-alive"
    clients = [Client(port, interval, keep_alive=keep, stop=stop) for _ in range(CONNECTIONS)]
    began = time.monotonic()
    for client in clients:
        client.start()
        time.sleep(interval / CONNECTIONS)
    print("sending", flush=True)
    sys.stdin.read()
    stop.set()
    for client in clients:
        client.join()
    took = time.monotonic() - began
    times = [t for client in clients for t in client.times]
    lost: Counter[str] = sum((client.lost for client in clients), Counter())
    sent = len(times) + lost.total()
    result = {"sent": sent, "lost": lost.total(), "reasons": dict(lost), "rate": sent / took}
    print(json.dumps({**result, "p99": percentile(times, 0.99) * 1000}), flush=True)


if __name__ == "__main__":
    main()
