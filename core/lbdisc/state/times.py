"""Times as people read them."""

import time


def stamp(unix_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix_s))


def ago(seconds: float) -> str:
    """``40 s``, ``3 min``, ``5 h``, ``2 d``: no more precise than anybody needs."""
    for size, unit in ((2 * 86400, "d"), (2 * 3600, "h"), (2 * 60, "min")):
        if seconds >= size:
            return f"{seconds / (size / 2):.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
