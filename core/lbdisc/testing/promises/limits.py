"""Promises on size, memory, and what is left behind."""

import gc
import time
from dataclasses import replace

from lbdisc.testing.backend import Backend
from lbdisc.testing.leaks import Leaks, resident
from lbdisc.testing.promises.common import sees
from lbdisc.testing.roles import SLACK, STOP_WITHIN, Holding, Watching

ROUNDS = 3
CHURN_TIME = 12.0  # seconds that the changes of the promise on memory may take
QUIET = 0.02  # of one core, for a role that has nothing to do
WINDOW = 2.0  # seconds over which that is measured
MAX_GROWTH = 8 * 1024 * 1024  # bytes; 10,000 leaked snapshots of 20 endpoints are some 30 MB


class LimitPromises:
    """Many endpoints, flat memory, and nothing left behind."""

    def test_stopped_discovery_leaves_nothing(self, backend: Backend) -> None:
        """A stopped watch returns within a second; no thread, socket or process stays."""
        endpoint = backend.endpoint("s1")
        backend.write(endpoint)
        with Watching(backend.discovery()) as first:  # libraries keep what they share
            sees(first, backend, endpoint)
        leaks = Leaks()
        for _ in range(ROUNDS):
            with Watching(backend.discovery()) as watching:
                sees(watching, backend, endpoint)
            assert watching.stopped_in < STOP_WITHIN + SLACK
        leaks.check()

    def test_stopped_registrar_leaves_nothing(self, backend: Backend) -> None:
        """A stopped registrar returns within a second; no thread, socket or process stays."""
        backend.needs("register")
        endpoint = backend.endpoint("s1")
        with Watching(backend.discovery()) as watching:
            with Holding(backend.registrar("s1"), endpoint):
                sees(watching, backend, endpoint)
            sees(watching, backend)
            leaks = Leaks()
            for _ in range(ROUNDS):
                with Holding(backend.registrar("s1"), endpoint) as holding:
                    sees(watching, backend, endpoint)
                assert holding.stopped_in < STOP_WITHIN + SLACK
                sees(watching, backend)
            leaks.check()

    def test_stops_while_cut_off(self, backend: Backend) -> None:
        """A watch returns within a second of its stop while the connection is lost, too."""
        backend.needs("cut")
        with Watching(backend.discovery()) as watching:
            sees(watching, backend)
            backend.cut()
            watching.failed(deadline=backend.patience)
        assert watching.stopped_in < STOP_WITHIN + SLACK

    def test_stops_while_stalled(self, backend: Backend) -> None:
        """A watch returns within a second of its stop while the registry is silent, too."""
        backend.needs("stall")
        with Watching(backend.discovery()) as watching:
            sees(watching, backend)
            backend.stall()
        assert watching.stopped_in < STOP_WITHIN + SLACK

    def test_idle_discovery_costs_little(self, backend: Backend) -> None:
        """A discovery whose registry is quiet uses less than 2 % of a core."""
        endpoint = backend.endpoint("s1")
        backend.write(endpoint)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, endpoint)
            _costs_little()

    def test_idle_registrar_costs_little(self, backend: Backend) -> None:
        """A registrar that holds its entry undisturbed uses less than 2 % of a core."""
        backend.needs("register")
        with Holding(backend.registrar("s1"), backend.endpoint("s1")) as holding:
            holding.held(deadline=backend.patience)
            _costs_little()

    def test_many_endpoints(self, backend: Backend) -> None:
        """A thousand endpoints are published whole, at the start and change by change."""
        backend.needs("many")
        there = [backend.endpoint(f"s{number}") for number in range(backend.size)]
        backend.write_all(there)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, *there)
            assert len(watching.seen.snapshots[0]) == len(there)
            backend.remove(there[0])
            sees(watching, backend, *there[1:])
            for endpoint in there[1:]:
                backend.remove(endpoint)
            sees(watching, backend)

    def test_memory_stays_flat(self, backend: Backend) -> None:
        """Ten thousand changes do not make the discovery grow."""
        backend.needs("churn")
        there = [backend.endpoint(f"s{number}") for number in range(20)]
        backend.write_all(there)
        with Watching(backend.discovery(), keep=10) as watching:
            sees(watching, backend, *there)
            warm = backend.changes // 5
            _churn(backend, watching, warm, CHURN_TIME / 5)
            gc.collect()
            before = resident()
            _churn(backend, watching, backend.changes - warm, CHURN_TIME)
            gc.collect()
            grown = resident() - before
        assert grown < MAX_GROWTH, f"{grown} bytes more"


def _costs_little() -> None:
    """The processor time of this process stays low; what else it does can only add to that."""
    shares = []
    for _ in range(ROUNDS):
        began, used = time.monotonic(), time.process_time()
        time.sleep(WINDOW)
        shares.append((time.process_time() - used) / (time.monotonic() - began))
        if shares[-1] < QUIET:
            return
    raise AssertionError(f"{min(shares):.1%} of a core, doing nothing")


def _churn(backend: Backend, watching: Watching, changes: int, seconds: float) -> None:
    """Change one endpoint again and again, then wait until the last change is published."""
    end = time.monotonic() + seconds
    endpoint = backend.endpoint("s0")
    for number in range(changes):
        if time.monotonic() > end:
            break
        endpoint = replace(endpoint, port=1024 + number % 50_000)
        backend.write(endpoint)
    watching.until(lambda s: endpoint in s.endpoints, deadline=backend.patience, what=str(endpoint))
