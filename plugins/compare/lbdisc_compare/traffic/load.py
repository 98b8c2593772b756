"""A load of four kinds of requests at once, in a process of its own, that never repeats any.

``python -m lbdisc_compare.traffic.load`` takes an ``Errand`` as JSON on the first line of standard
input, sends until that ends, and writes what became of each request to the errand's file.

The rate is kept whatever the answers (an open loop), so that a balancer that stalls loses what
clients would have sent meanwhile; but no more than ``MOST_OPEN`` requests are open at a time, and
what is more than ``BEHIND`` seconds late on a busy machine is not made up for. What is not sent is
told apart from what is lost.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from lbdisc.environment import for_child
from lbdisc_compare.traffic.asked import KINDS, UNSENT, SentRequest, read
from lbdisc_compare.traffic.exchange import LoadCall, LoadConnection, Unanswered

TIMEOUT = 5.0  # seconds, beyond what a long answer takes
MOST_OPEN = 600
BEHIND = 1.0  # seconds; what is later than that is not made up for: it would be a flood
MOST_RATE = 2000.0  # requests a second in sum
BODY = b"x" * 8192
SHARES = {"new": 0.40, "kept": 0.40, "long": 0.05, "post": 0.15}
LONG = 1.5  # seconds
IDLE = 8  # connections that are kept, for each seat and kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """``seats`` are name, address and port. ``rate`` is requests a second, all kinds in sum.

    A long answer takes ``long`` seconds. The time between two requests of a kind is drawn, from
    half to one and a half of what the rate makes it: a balancer that gives its nodes turns would
    give each kind of a strict beat to the same few nodes. Raises ``ValueError`` where the load has
    no bound.
    """

    seats: Sequence[tuple[str, str, int]]
    file: str
    rate: float = 200.0
    long: float = LONG
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.rate <= MOST_RATE:
            raise ValueError(
                f"bad rate {self.rate:g}: above 0 and up to {MOST_RATE:g} requests a second"
            )

    def call(self, kind: str) -> LoadCall:
        match kind:
            case "new":
                return LoadCall(close=True)
            case "long":
                return LoadCall(path=f"/stream?ms={self.long * 1000:.0f}", close=True)
            case "post":
                return LoadCall(body=BODY)
            case _:
                return LoadCall()

    def timeout(self, kind: str) -> float:
        return TIMEOUT + (self.long if kind == "long" else 0.0)


@dataclass(slots=True)
class RunningLoad:
    """A load that runs. ``stop`` waits for the open requests."""

    child: "subprocess.Popen[str]"
    file: Path

    def stop(self) -> list[SentRequest]:
        """All requests that were sent. Raises ``RuntimeError`` where the load itself failed."""
        if self.child.stdin and not self.child.stdin.closed:
            self.child.stdin.close()
        code = self.child.wait(30)
        if code:
            raise RuntimeError(f"the load ended with code {code}")
        return read(self.file)


@contextmanager
def load(errand: Errand) -> Iterator[RunningLoad]:
    """Requests while the block lasts; the first ones are sent when it begins."""
    child = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=for_child(),
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(json.dumps(asdict(errand)) + "\n")
        child.stdin.flush()
        if not child.stdout.readline():
            raise RuntimeError(f"the load did not begin: exit code {child.wait(10)}")
        yield RunningLoad(child, Path(errand.file))
    finally:
        child.kill()
        child.wait()
        with suppress(BrokenPipeError):
            child.stdin.close()
        child.stdout.close()


class _Sender:
    """Sends on schedule, and notes each end."""

    def __init__(self, errand: Errand, file: TextIO) -> None:
        self._errand, self._file = errand, file
        self._idle: dict[tuple[str, str], list[LoadConnection]] = {}
        self._open: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()

    async def run(self) -> None:
        asyncio.get_running_loop().run_in_executor(None, sys.stdin.read).add_done_callback(
            lambda _: self._over.set()
        )
        async with asyncio.TaskGroup() as group:
            for number, kind in enumerate(KINDS):
                group.create_task(self._send_kind(kind, number))
        while self._open:
            await asyncio.wait(self._open)

    async def _send_kind(self, kind: str, number: int) -> None:
        interval = 1 / (self._errand.rate * SHARES[kind])
        due = time.monotonic() + interval * number / len(KINDS)
        drawn = random.Random(f"{self._errand.seed} {kind}")
        turn = 0
        while not self._over.is_set():
            await asyncio.sleep(min(due - time.monotonic(), 0.2))
            if time.monotonic() < due:
                continue
            if time.monotonic() > due + BEHIND:
                self._leave_out(kind, turn)
            else:
                self._launch(kind, turn, due)
            due += interval * drawn.uniform(0.5, 1.5)
            turn += 1

    def _launch(self, kind: str, turn: int, due: float) -> None:
        seat = self._errand.seats[turn % len(self._errand.seats)]
        if len(self._open) >= MOST_OPEN:
            self._leave_out(kind, turn)
            return
        task = asyncio.create_task(self._send(kind, seat, due))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    def _leave_out(self, kind: str, turn: int) -> None:
        seat = self._errand.seats[turn % len(self._errand.seats)]
        self._note(SentRequest(time.monotonic(), kind, seat[0], "", UNSENT, 0.0, 0.0))

    async def _send(self, kind: str, seat: tuple[str, str, int], due: float) -> None:
        name, address, port = seat
        idle = self._idle.setdefault((name, kind), [])
        line = _taken(idle) or LoadConnection(address, port)
        began, why = time.monotonic(), ""
        try:
            answer = await line.ask(self._errand.call(kind), self._errand.timeout(kind))
            why = "" if 200 <= answer.status < 300 else f"status {answer.status}"
        except Unanswered as error:
            why = str(error)
        ended = time.monotonic()
        if line.usable and len(idle) < IDLE:
            idle.append(line)
        else:
            line.close()
        self._note(
            SentRequest(began, kind, name, line.node, why, ended - began, max(0.0, began - due))
        )

    def _note(self, one: SentRequest) -> None:
        line = [
            round(one.at, 4),
            one.kind,
            one.seat,
            one.node,
            one.why,
            round(one.took, 4),
            round(one.late, 4),
        ]
        self._file.write(json.dumps(line) + "\n")


def _taken(idle: list[LoadConnection]) -> LoadConnection | None:
    """The newest that can still be used; those that cannot are closed."""
    while idle:
        line = idle.pop()
        if line.usable:
            return line
        line.close()
    return None


def main() -> None:
    errand = Errand(**json.loads(sys.stdin.readline()))
    with Path(errand.file).open("w", encoding="utf-8", buffering=1) as file:
        sys.stdout.write("sending\n")
        sys.stdout.flush()
        asyncio.run(_Sender(errand, file).run())


if __name__ == "__main__":
    main()
