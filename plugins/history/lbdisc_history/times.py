"""Times as people write and read them: UTC, as the status has it."""

import re
from datetime import UTC, datetime

from lbdisc.errors import SettingsError, shown

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)")


def stamp(unix_s: float) -> str:
    """``2026-11-27T14:02:11Z``; for what no calendar has, the number of seconds."""
    try:
        return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{unix_s:.0f}"


def clock(unix_s: float) -> str:
    """The time of day alone: ``14:02:11``."""
    return stamp(unix_s)[11:19] or stamp(unix_s)


def moment(text: str, *, now: float, option: str) -> float:
    """The unix time that ``90s``, ``30m``, ``1h``, ``2d`` (ago) or an ISO time stands for.

    Raises ``SettingsError``.
    """
    if span := _SPAN.fullmatch(text.strip()):
        return now - float(span[1]) * _UNITS[span[2]]
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise SettingsError(
            f"{option} {shown(text)}: a time ago, as 90s, 30m, 1h or 2d, or an ISO time in UTC, as"
            " 2026-11-27T14:02:11Z"
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def span(seconds: float) -> str:
    """``4 ms``, ``12 s``, ``3 min``, ``5 h``, ``2 d``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in ((2 * 86400, "d"), (2 * 3600, "h"), (2 * 60, "min")):
        if seconds >= size:
            return f"{seconds / (size / 2):.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def milliseconds(ms: float) -> str:
    return f"{ms:.1f} ms" if ms < 10 else span(ms / 1000)
