"""A name server of a test's own, on a loopback port: no real one is ever asked."""

import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Literal

Mood = Literal["answers", "silent", "servfail", "refused", "nx", "empty"]
_CODES: dict[str, int] = {"answers": 0, "empty": 0, "servfail": 2, "nx": 3, "refused": 5}
A, SRV = 1, 33


class NameServer:
    """Knows ``names``, their IPv4 addresses, and ``records``, their targets: host and port.

    ``mood`` is what becomes of every question, ``delay`` (seconds) how late.
    """

    def __init__(self, listening: socket.socket) -> None:
        self.names: dict[str, Sequence[str]] = {}
        self.records: dict[str, Sequence[tuple[str, int]]] = {}
        self.mood: Mood = "answers"
        self.delay = 0.0
        self.asked: list[str] = []
        self.port = int(listening.getsockname()[1])
        self._listening = listening

    def serve(self) -> None:
        with suppress(OSError):
            while (found := self._listening.recvfrom(4096))[1]:  # nobody: it is shut down
                packet, client = found
                if len(packet) > 12 and (reply := self._reply(packet)):
                    self._listening.sendto(reply, client)

    def _reply(self, packet: bytes) -> bytes:
        labels, end = [], 12
        while packet[end]:
            labels.append(packet[end + 1 : end + 1 + packet[end]].decode())
            end += packet[end] + 1
        name, question = ".".join(labels).lower(), packet[12 : end + 5]
        (kind,) = struct.unpack(">H", packet[end + 1 : end + 3])
        self.asked.append(name)
        time.sleep(self.delay)
        if self.mood == "silent":
            return b""
        answers = self._answers(name, kind) if self.mood == "answers" else []
        known = name in self.names or name in self.records
        code = _CODES[self.mood] if known else _CODES["nx"]
        head = struct.pack(">HHHHH", 0x8580 | code, 1, len(answers), 0, 0)
        return packet[:2] + head + question + b"".join(answers)

    def _answers(self, name: str, kind: int) -> list[bytes]:
        if kind == A:
            return [_record(A, socket.inet_aton(address)) for address in self.names.get(name, ())]
        if kind == SRV:
            return [
                _record(SRV, struct.pack(">HHH", 1, 255, port) + _encoded(host))
                for host, port in self.records.get(name, ())
            ]
        return []


def _record(kind: int, content: bytes) -> bytes:
    """For the name in question, good for a second."""
    return b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(content)) + content


def _encoded(name: str) -> bytes:
    return b"".join(bytes([len(its)]) + its.encode() for its in name.split(".")) + b"\0"


@contextmanager
def name_server(address: str = "127.0.0.1", port: int = 0) -> Iterator[NameServer]:
    """One that runs until the end of the block, at a free port if none is given."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((address, port))
        server = NameServer(listening)
        thread = Thread(target=server.serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)  # wakes the thread
            thread.join()
