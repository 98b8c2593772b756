"""How long a property is looked at: the same few examples each time, or new ones for minutes."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

STALL = 0.1  # seconds of processor time for one example: counted and shown, never asserted
AT_ONCE = 200  # examples between two looks at the clock


@dataclass
class Explored:
    """What one property was shown."""

    examples: int = 0
    stalls: int = 0
    longest: float = 0.0

    def __str__(self) -> str:
        stalls = f", {self.stalls} stalls over {STALL * 1000:.0f} ms" if self.stalls else ""
        return f"{self.examples} examples, longest {self.longest * 1000:.1f} ms{stalls}"


class Explore:
    """Shows ``check`` values of ``strategies``: ``examples`` of them, or for ``seconds``."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self.explored = Explored()

    def __call__(
        self, check: Callable[..., object], *strategies: SearchStrategy[Any], examples: int = 50
    ) -> None:
        if not self._seconds:
            self._show(check, strategies, examples, derandomize=True)
            return
        end = time.monotonic() + self._seconds
        while time.monotonic() < end:
            self._show(check, strategies, AT_ONCE, derandomize=False)

    def _show(
        self,
        check: Callable[..., object],
        strategies: tuple[SearchStrategy[Any], ...],
        examples: int,
        *,
        derandomize: bool,
    ) -> None:
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=derandomize,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.tuples(*strategies))
        def every_example(values: tuple[Any, ...]) -> None:
            began = time.thread_time()
            check(*values)
            self._count(time.thread_time() - began)

        found: Callable[[], None] = every_example
        if not derandomize:
            found = seed(random.SystemRandom().getrandbits(32))(every_example)
        found()

    def _count(self, took: float) -> None:
        self.explored.examples += 1
        self.explored.stalls += took > STALL
        self.explored.longest = max(self.explored.longest, took)


def share(minutes: float, properties: int) -> float:
    """The seconds of each of ``properties`` where all together take ``minutes``."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return 60 * minutes * workers / max(1, properties)
