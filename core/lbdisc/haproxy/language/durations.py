"""Durations as HAProxy writes and reads them (configuration manual 2.5, "Time format")."""

import re

from lbdisc.haproxy.language.numbers import whole

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"([0-9]{1,18})(us|ms|[smhdw])")


def seconds(text: str) -> float | None:
    """``1m30s`` as 90.0; a number alone is milliseconds. ``None`` for what is no duration."""
    if (number := whole(text)) is not None:
        return number / 1000
    if not text or _PART.sub("", text):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
