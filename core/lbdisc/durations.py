"""How long something is to hold, as an operator says it: ``90s``, ``30m``, ``2h``, ``1d``."""

import re

from lbdisc.errors import SettingsError, shown

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FORM = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd])")
LEAST, MOST = 1.0, 366 * 86400.0  # seconds


def seconds_of(text: str) -> float:
    """The seconds in ``text``, from ``LEAST`` to ``MOST``. Raises ``SettingsError``."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise SettingsError(f"no time {shown(text)}: a number and a unit, as 90s, 30m, 2h or 1d")
    seconds = float(found[1]) * _UNITS[found[2]]
    if not LEAST <= seconds <= MOST:
        raise SettingsError(f"bad time {shown(text)}: from 1s to 366d")
    return seconds
