"""Asks a balancer again and again, in a process of its own, and tells when a node answered.

``python -m lbdisc_compare.traffic.reader ADDRESS PORT`` sends ``STEADY`` requests a second, each
over a new connection. A line of JSON on standard input is a ``Sighting``: from then on each request
follows the one before at once. It answers ``go`` when that is so, and for a node that shall cease
to answer once that has answered; then the moment, in seconds of the monotonic clock, which is the
same for all processes, with the time between two requests; ``null`` where there was none in time.
"""

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Self

from lbdisc.environment import for_child
from lbdisc_compare.traffic.sightings import Sighting, Spotter

STEADY = 100.0  # requests a second while nothing is looked for
PAUSE = 0.0002  # seconds between two requests: they shall not keep the others from the processors
REFUSED = 0.002  # seconds after a connection that was refused, for the same reason
LIMIT = 20.0  # seconds that something is looked for
TIMEOUT = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAnswer:
    """When it was, and how many seconds passed from one request to the next: nothing finer."""

    at: float
    every: float


class NeverSeen(RuntimeError):
    """What was looked for did not come in time."""


class AnswerReader:
    """The process, for the balancer at ``address:port``, which may not be there yet."""

    def __init__(self, address: str, port: int) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", __name__, address, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=for_child(),
        )

    def took(
        self, sought: Sighting, change: Callable[[], object], limit: float = LIMIT
    ) -> tuple[float, SeenAnswer]:
        """When ``change`` began, and what was seen of it. Raises ``NeverSeen``."""
        self.begin(sought, limit)
        began = time.monotonic()
        change()
        return began, self.end()

    def until(self, sought: Sighting, limit: float = LIMIT) -> SeenAnswer:
        """Wait for it. Raises ``NeverSeen``."""
        self.begin(sought, limit)
        return self.end()

    def begin(self, sought: Sighting, limit: float = LIMIT) -> None:
        """Returns when requests follow one another, and a node that shall cease has answered.

        Raises ``NeverSeen`` if that node does not.
        """
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps({"limit": limit, **asdict(sought)}) + "\n")
        self._child.stdin.flush()
        if self._line() != "go":
            raise NeverSeen(f"{sought.name} did not answer in {limit:g} s")

    def end(self) -> SeenAnswer:
        """Waits for what was asked for. Raises ``NeverSeen``."""
        said = json.loads(self._line())
        if said is None:
            raise NeverSeen("no such answer in time")
        return SeenAnswer(**said)

    def _line(self) -> str:
        assert self._child.stdout is not None
        line = self._child.stdout.readline().strip()
        if not line:
            raise RuntimeError("the reader ended")
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe:
                pipe.close()


class _Asking:
    """Requests to one balancer, and how many there were."""

    def __init__(self, address: str, port: int) -> None:
        self._where = address, port
        self.count = 0

    def node(self) -> str:
        """One request; the node that answered, ``""`` when none did."""
        self.count += 1
        time.sleep(PAUSE)
        try:
            with socket.create_connection(self._where, timeout=TIMEOUT) as connection:
                connection.settimeout(TIMEOUT)
                connection.sendall(b"GET / HTTP/1.1\r\nHost: nodes\r\nConnection: close\r\n\r\n")
                return _node_of(_all(connection))
        except ConnectionRefusedError:
            time.sleep(REFUSED)
        except OSError:
            pass
        return ""

    def _answer(self) -> tuple[str, float]:
        """One request: who answered, and when that was over."""
        node = self.node()
        return node, time.monotonic()

    def look_for(self, sought: Sighting, limit: float) -> str:
        """Until it is found, as ``SeenAnswer`` in JSON."""
        ends = time.monotonic() + limit
        spotter = Spotter(sought)
        while sought.what == "last":
            node, now = self._answer()
            spotter.saw(node, now)
            if node == sought.name:
                break
            if now > ends:
                return "null"
        began, count = time.monotonic(), self.count
        _say("go")
        while time.monotonic() < ends:
            found = spotter.saw(*self._answer())
            if found is not None:
                every = (time.monotonic() - began) / (self.count - count)
                return json.dumps({"at": found, "every": every})
        return "null"


def _all(connection: socket.socket) -> bytes:
    answer = b""
    while part := connection.recv(65536):
        answer += part
    return answer


def _node_of(answer: bytes) -> str:
    """The node that gave ``answer``; ``""`` unless it is a good one."""
    head, _, _ = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    if lines[0].split(b" ")[1:2] != [b"200"]:
        return ""
    named = (line[len(b"x-node:") :] for line in lines if line.lower().startswith(b"x-node:"))
    return next(named, b"").strip().decode("latin-1")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    asking = _Asking(sys.argv[1], int(sys.argv[2]))
    while True:
        if not select.select([sys.stdin], [], [], 1 / STEADY)[0]:
            asking.node()
            continue
        line = sys.stdin.readline()
        if not line:
            return
        errand = json.loads(line)
        limit = errand.pop("limit")
        _say(asking.look_for(Sighting(**errand), limit))


if __name__ == "__main__":
    main()
