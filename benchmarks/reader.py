"""Asks a balancer again and again, in a process of its own, and tells when a node answered.

On standard input ``first NAME`` and ``last NAME``; both are answered by ``go`` as soon as requests
are under way. Then follows the time of the monotonic clock (the same for all processes, seconds) of
the first answer of NAME, or of the last one before ``QUIET`` seconds without.
"""

import subprocess
import sys
import time
from types import TracebackType
from typing import Self

from benchmarks.servers import ROOT, ask

PAUSE = 0.0002  # seconds between two requests: they shall not keep the others from the processors
QUIET = 0.3  # seconds without an answer from a node: it was the last
LIMIT = 20.0  # seconds


class Reader:
    """The process, for the balancer at ``port``."""

    def __init__(self, port: int) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.reader", str(port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, what: str, name: str) -> None:
        """Returns when requests are under way; ``what`` is first or last."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{what} {name}\n")
        self._child.stdin.flush()
        self._line()

    def end(self) -> float:
        """Waits for the answer that was asked for; its time."""
        said = self._line()
        if said == "never":
            raise RuntimeError(f"no such answer in {LIMIT:g} s")
        return float(said)

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


def first(port: int, name: str) -> str:
    began = time.monotonic()
    while time.monotonic() < began + LIMIT:
        if ask(port) == name:
            return repr(time.monotonic())
        time.sleep(PAUSE)
    return "never"


def last(port: int, name: str) -> str:
    began = seen = time.monotonic()
    while time.monotonic() < seen + QUIET:
        if ask(port) == name:
            seen = time.monotonic()
        if time.monotonic() > began + LIMIT:
            return "never"
        time.sleep(PAUSE)
    return repr(seen)


def main() -> None:
    port = int(sys.argv[1])
    for line in sys.stdin:
        what, name = line.split()
        ask(port)
        print("go", flush=True)
        print((first if what == "first" else last)(port, name), flush=True)


if __name__ == "__main__":
    main()
