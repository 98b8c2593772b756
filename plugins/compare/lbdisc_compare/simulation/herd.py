"""The thundering herd: all clients of a registry come back after an outage at once.

Every balancer reads everything again, in pages; every registrar looks after its registration. The
servers serve one request after the other, as fast as their rate and the network allow. Who waits
longer than it is patient asks again, and the server has worked in vain; patience then doubles up to
eight times, as lbdisc's does.
"""

import heapq
from dataclasses import dataclass

import numpy as np

from lbdisc_compare.simulation.keeping import Upkeep

NETWORK = 125e6  # bytes per second: 1 Gbit/s at the servers
COMING_BACK = 1.5  # seconds: the longest back-off of lbdisc, from whose upper half each wait is
PATIENT = 3.0  # seconds that a request may take; doubled while none is answered
MOST = 8
PAGE = 1000  # entries in one page of a full read


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """What the servers of a registry can do, and who says so. ``paged``: entries in a request."""

    reads: float
    writes: float
    source: str
    page: int = PAGE


SERVERS = {
    "lease": Servers(
        reads=30_000,
        writes=30_000,
        source="etcd's documentation, Performance: more than 30,000 requests a second, 3 members",
    ),
    "session": Servers(
        reads=87_000,
        writes=21_000,
        source="Hunt et al., ZooKeeper, 2010, table 1: 3 servers, reads only and writes only",
        page=1,
    ),
    "heartbeat": Servers(
        reads=21_000,
        writes=21_000,
        source="an assumption: nobody has published doozer's; ZooKeeper's writes are taken",
        page=PAGE,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stampede:
    """``served`` is when the last one had all; ``queued`` is the most that waited at a time."""

    requests: int
    in_vain: int
    queued: int
    served: float
    bytes: float


def stampede(
    nodes: int, balancers: int, keeping: Upkeep, servers: Servers, random: np.random.Generator
) -> Stampede:
    """From the end of the outage on, at 0."""
    pages = -(-nodes // servers.page)
    # Where every entry is a request of its own, a page of requests is taken as one job.
    jobs = -(-nodes // PAGE)
    page_bytes = min(nodes, PAGE) * (keeping.entry_bytes + (0 if servers.page > 1 else 140))
    page_work = max(pages / jobs / servers.reads, page_bytes / NETWORK)
    kept = round(keeping.requests - keeping.writes)
    put_work = kept / servers.reads + keeping.writes / servers.writes
    return _Queue(nodes, balancers, jobs, page_work, put_work, random).run(
        pages * balancers + nodes * round(keeping.requests),
        balancers * nodes * keeping.entry_bytes + nodes * keeping.put_bytes,
    )


class _Queue:
    """One queue, served in order. Clients below ``balancers`` read, the others put."""

    def __init__(
        self,
        nodes: int,
        balancers: int,
        jobs: int,
        page_work: float,
        put_work: float,
        random: np.random.Generator,
    ) -> None:
        clients = balancers + nodes
        self._random = random
        self._balancers = balancers
        self._left = [jobs] * balancers + [1] * nodes
        self._work = (page_work, put_work)
        self._patience = [PATIENT] * clients
        first = random.uniform(0.0, COMING_BACK, clients)
        self._arrivals = [(float(at), client) for client, at in enumerate(first)]
        heapq.heapify(self._arrivals)

    def run(self, requests: int, size: float) -> Stampede:
        free = last = 0.0
        waiting: list[float] = []
        queued = vain = 0
        while self._arrivals:
            at, client = heapq.heappop(self._arrivals)
            work = self._work[client >= self._balancers]
            while waiting and waiting[0] <= at:
                heapq.heappop(waiting)
            free = max(free, at) + work
            heapq.heappush(waiting, free)
            queued = max(queued, len(waiting))
            if free - at > self._patience[client]:
                vain += 1
                self._come_again(at, client)
                continue
            self._left[client] -= 1
            last = max(last, free)
            if self._left[client]:
                heapq.heappush(self._arrivals, (free, client))
        return Stampede(
            requests=requests + vain, in_vain=vain, queued=queued, served=last, bytes=size
        )

    def _come_again(self, at: float, client: int) -> None:
        patience = self._patience[client]
        self._patience[client] = min(PATIENT * MOST, patience * 2)
        pause = float(self._random.uniform(0.5, 1.0)) * COMING_BACK
        heapq.heappush(self._arrivals, (at + patience + pause, client))
