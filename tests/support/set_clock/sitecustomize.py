"""For Python beside libfaketime: it refuses to sleep until a time of the clock that nobody sets.

With the monotonic clock left alone, its ``clock_nanosleep`` takes that time for one of the other
clock, and gives ``EINVAL`` (0.9.10, measured). ``select`` waits as long, and does not ask it.
"""

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex, /) -> None:
    select.select((), (), (), float(seconds))


time.sleep = _sleep
