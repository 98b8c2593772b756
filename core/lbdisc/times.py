"""Times as people read them: UTC."""

import time


def stamp(unix_s: float) -> str:
    """``2026-11-27T14:02:11Z``; for what no calendar has, the number of seconds."""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix_s))
    except (ValueError, OverflowError, OSError):
        return f"{unix_s:.0f}"


def clock(unix_s: float) -> str:
    """The time of day alone: ``14:02:11``."""
    return stamp(unix_s)[11:19] or stamp(unix_s)


def ago(seconds: float) -> str:
    """``40 s``, ``3 min``, ``5 h``, ``2 d``: no more precise than anybody needs."""
    for size, unit in ((2 * 86400, "d"), (2 * 3600, "h"), (2 * 60, "min")):
        if seconds >= size:
            return f"{seconds / (size / 2):.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def span(seconds: float) -> str:
    """``4 ms``, ``1.5 s``, and longer ones as ``ago`` has them."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else ago(seconds)


def milliseconds(ms: float) -> str:
    return f"{ms:.1f} ms" if ms < 10 else span(ms / 1000)
