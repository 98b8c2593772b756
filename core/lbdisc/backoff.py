"""Delays between attempts: they grow, and are spread so that a fleet never retries in step."""

import random as _random
from collections.abc import Callable


class Backoff:
    """Delays from ``first`` to ``most`` seconds that double with every attempt.

    Each is drawn from the upper half of its span (equal jitter): two agents that lost the same
    registry at the same moment come back at different ones, and none comes back at once. With
    ``full`` it is drawn from the whole span, which spreads a herd best. ``random`` returns numbers
    from 0 to 1. A ``most`` below ``first`` counts as ``first``. Not safe for use by
    several threads; give each its own.
    """

    def __init__(
        self,
        first: float,
        most: float,
        *,
        full: bool = False,
        random: Callable[[], float] = _random.random,
    ) -> None:
        if first <= 0:
            raise ValueError(f"a first delay of {first}: more than 0 is needed")
        self._first = first
        self._most = max(first, most)
        self._full = full
        self._random = random
        self._span = first

    def next(self) -> float:
        """The delay before the next attempt, in seconds."""
        span = self._span
        self._span = min(span * 2, self._most)
        return span * self._random() if self._full else spread(span, random=self._random)

    def resume(self, delay: float) -> None:
        """Go on where another has waited ``delay`` seconds."""
        self._span = min(max(self._first, delay * 2), self._most)

    def reset(self) -> None:
        """An attempt succeeded: begin again with the first delay."""
        self._span = self._first


def spread(seconds: float, *, random: Callable[[], float] = _random.random) -> float:
    """From the upper half of ``seconds``: what a fleet does that often falls out of step."""
    return seconds / 2 + seconds / 2 * random()
