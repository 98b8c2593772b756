"""Waiting for an outcome with a deadline, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
DEADLINE = 30.0  # seconds; catches a hang, measures nothing


def eventually(
    probe: Callable[[], T], *, deadline: float = DEADLINE, every: float = 0.02, what: str = ""
) -> T:
    """Call ``probe`` until it returns something true, and return that.

    Raises ``AssertionError`` with ``what`` and the last result after ``deadline`` seconds; an
    ``AssertionError`` or ``OSError`` of the probe counts as not yet.
    """
    end = time.monotonic() + deadline
    last: object = None
    while True:
        try:
            found = probe()
        except (AssertionError, OSError) as error:
            last = error
        else:
            if found:
                return found
            last = found
        if time.monotonic() > end:
            named = what or getattr(probe, "__name__", "it")
            raise AssertionError(f"{named} did not come true within {deadline} s: {last!r}")
        time.sleep(every)
