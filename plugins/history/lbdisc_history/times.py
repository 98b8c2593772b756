"""Times as people write them: ago, or in UTC."""

import re
from datetime import UTC, datetime

from lbdisc.errors import SettingsError, shown

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)")


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
