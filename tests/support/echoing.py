"""Answers and asks over TCP and UDP, as a program of its own for any host:
``python echoing.py answer ADDRESS`` and ``python echoing.py ask ADDRESS TIMES SECONDS``.

``ask`` prints the round-trip time of each datagram that came back, in seconds, as JSON.
"""

import contextlib
import json
import socket
import sys
import threading
import time

PORT = 7007
PACE = 0.002  # seconds between two datagrams


def answer(address: str) -> None:
    """Until it is killed."""
    datagrams = socket.socket(type=socket.SOCK_DGRAM)
    datagrams.bind((address, PORT))
    listener = socket.create_server((address, PORT))
    threading.Thread(target=_streams, args=(listener,), daemon=True).start()
    while True:
        text, sender = datagrams.recvfrom(2048)
        with contextlib.suppress(OSError):
            datagrams.sendto(text, sender)


def _streams(listener: socket.socket) -> None:
    while True:
        stream, _ = listener.accept()
        threading.Thread(target=_stream, args=(stream,), daemon=True).start()


def _stream(stream: socket.socket) -> None:
    with stream, contextlib.suppress(OSError):
        while text := stream.recv(2048):
            stream.sendall(text)


def ask(address: str, times: int, seconds: float) -> list[float]:
    """Round-trip times of those of ``times`` datagrams that came back within ``seconds``."""
    trips: dict[str, float] = {}
    with socket.socket(type=socket.SOCK_DGRAM) as asking:
        asking.connect((address, PORT))
        listening = threading.Thread(target=_listen, args=(asking, times, seconds, trips))
        listening.start()
        for _ in range(times):
            with contextlib.suppress(OSError):
                asking.send(repr(time.monotonic()).encode())
            time.sleep(PACE)
        listening.join()
    return list(trips.values())


def _listen(asking: socket.socket, times: int, seconds: float, trips: dict[str, float]) -> None:
    asking.settimeout(seconds)
    with contextlib.suppress(TimeoutError):
        while len(trips) < times:
            with contextlib.suppress(ConnectionError):
                sent = asking.recv(2048).decode()
                trips[sent] = time.monotonic() - float(sent)


if __name__ == "__main__":
    if sys.argv[1] == "answer":
        answer(sys.argv[2])
    else:
        json.dump(ask(sys.argv[2], int(sys.argv[3]), float(sys.argv[4])), sys.stdout)
