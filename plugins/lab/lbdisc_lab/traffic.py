"""Steady traffic that counts every request, so that none can be lost unseen.

>>> with Traffic("http://127.0.0.1:8080/", rate=200) as traffic:
...     ...  # what must not disturb it
>>> traffic.counts().lost
0

Nothing is retried. While no node has answered yet, 503 is the balancer's right answer and is
counted apart as ``no_node_yet``; after that every answer but 2xx is a loss. A connection that was
opened before stays with the worker of then until a node has answered on it.
"""

import asyncio
import ipaddress
import sys
import threading
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from lbdisc_lab.client import HttpConnection, HttpTarget, Lost

KeepAlive = Literal["both", "always", "never"]
CONNECTIONS = 8  # at most so many requests at a time
TIMEOUT = 5.0  # seconds
LATENCIES = 10_000  # the newest, for percentiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A lost request: sent ``at`` Unix time, it failed ``after`` seconds."""

    at: float
    reason: str
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of the requests so far. Latencies are milliseconds over the newest answers.

    ``requests`` is the sum of ``served``, ``no_node_yet`` and ``lost``; ``nodes`` holds the served
    ones of each node, ``""`` being those that named none.
    """

    requests: int = 0
    served: int = 0
    no_node_yet: int = 0
    lost: int = 0
    nodes: dict[str, int] = field(default_factory=dict)
    median: float = 0.0
    p95: float = 0.0
    slowest: float = 0.0

    def since(self, earlier: "Counts") -> "Counts":
        """The requests that ended after ``earlier``; latencies stay."""
        nodes = {name: count - earlier.nodes.get(name, 0) for name, count in self.nodes.items()}
        return Counts(
            requests=self.requests - earlier.requests,
            served=self.served - earlier.served,
            no_node_yet=self.no_node_yet - earlier.no_node_yet,
            lost=self.lost - earlier.lost,
            nodes={name: count for name, count in nodes.items() if count},
            median=self.median,
            p95=self.p95,
            slowest=self.slowest,
        )


class Traffic:
    """``rate`` requests a second to ``url`` from a thread of its own, while the ``with`` lasts.

    ``keep_alive`` says whether a connection serves one request, many, or half of them each. At most
    8 requests are open at a time, so the rate falls when answers take longer than ``8 / rate``
    seconds; missed ones are not made up for. Only loopback is a target unless ``anywhere`` is set;
    another raises ``ValueError``. Leaving waits for the open requests and counts them.
    """

    def __init__(
        self,
        url: str,
        *,
        rate: float = 200.0,
        keep_alive: KeepAlive = "both",
        timeout: float = TIMEOUT,
        anywhere: bool = False,
    ) -> None:
        if not 0 < rate <= 10_000:
            raise ValueError(f"bad rate {rate}: above 0 and up to 10000 requests a second")
        self._target = HttpTarget.of(url)
        if not (anywhere or _is_loopback(self._target.host)):
            raise ValueError(f"{url!r} is not on loopback; say anywhere=True if you mean it")
        self._interval = CONNECTIONS / rate
        self._keep_alive = keep_alive
        self._timeout = timeout
        self._tally = _Tally()
        self._failure: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def counts(self) -> Counts:
        """What became of the requests so far. Raises what the traffic itself failed of."""
        if self._failure is not None:
            raise self._failure
        return self._tally.counts()

    @property
    def lost(self) -> list[Loss]:
        """All lost requests in their order: ``counts().lost`` is how many there are at least."""
        return self._tally.losses()

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> Counts:
        """Send no more, wait for the open requests; returns the last counts."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        return self.counts()

    def _run(self) -> None:
        try:
            asyncio.run(self._send_all())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that counts
            self._failure = error

    async def _send_all(self) -> None:
        await asyncio.gather(*(self._send_from(number) for number in range(CONNECTIONS)))

    async def _send_from(self, number: int) -> None:
        keep_alive = self._keep_alive == "always" or (
            self._keep_alive == "both" and number % 2 == 0
        )
        connection = HttpConnection(self._target, keep_alive=keep_alive, timeout=self._timeout)
        early = True
        due = time.monotonic() + self._interval * number / CONNECTIONS
        while not self._stop.is_set():
            now = time.monotonic()
            if due > now:
                # In short steps, so that a slow rate does not make for a slow stop.
                await asyncio.sleep(min(due - now, 0.1))
                continue
            due = max(due + self._interval, now)
            early = await self._request(connection, early=early)
        await connection.close()

    async def _request(self, connection: HttpConnection, *, early: bool) -> bool:
        """Send one; returns whether 503 is still right on this connection, as it was before."""
        started, at, waiting = time.monotonic(), time.time(), self._tally.waiting
        try:
            answer = await connection.get()
            early = early if connection.kept else waiting
            if 200 <= answer.status < 300:
                self._tally.serve(answer.node, time.monotonic() - started)
                return False
            if answer.status != 503 or not early:
                raise Lost(f"status {answer.status}")
            self._tally.wait()
        except Lost as error:
            reason = f"{error} on a kept connection" if connection.kept else str(error)
            after = time.monotonic() - started
            self._tally.lose(Loss(at=at, reason=sys.intern(reason), after=after))
        return early

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class _Tally:
    """Counts of the traffic's thread, read from others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nodes: Counter[str] = Counter()
        self._no_node_yet = 0
        self._losses: list[Loss] = []
        self._latencies: deque[float] = deque(maxlen=LATENCIES)

    @property
    def waiting(self) -> bool:
        """Whether no node has answered yet. A request sent while so may meet 503."""
        return not self._nodes

    def serve(self, node: str, after: float) -> None:
        with self._lock:
            self._nodes[node] += 1
            self._latencies.append(after)

    def wait(self) -> None:
        with self._lock:
            self._no_node_yet += 1

    def lose(self, loss: Loss) -> None:
        with self._lock:
            self._losses.append(loss)

    def losses(self) -> list[Loss]:
        with self._lock:
            return list(self._losses)

    def counts(self) -> Counts:
        with self._lock:
            nodes, times = dict(sorted(self._nodes.items())), sorted(self._latencies)
            waited, lost = self._no_node_yet, len(self._losses)
        served = sum(nodes.values())
        return Counts(
            requests=served + waited + lost,
            served=served,
            no_node_yet=waited,
            lost=lost,
            nodes=nodes,
            median=_percentile(times, 0.5),
            p95=_percentile(times, 0.95),
            slowest=_percentile(times, 1.0),
        )


def _percentile(times: list[float], share: float) -> float:
    return round(times[min(int(len(times) * share), len(times) - 1)] * 1000, 2) if times else 0.0


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
