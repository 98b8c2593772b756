"""A port or several, as settings write them."""

from lbdisc.errors import SettingsError, shown

MOST = 65535


def port_range(text: str) -> range:
    """What ``3000`` or ``8000-8099`` stands for. Raises ``SettingsError``."""
    first, dash, last = text.partition("-")
    words = (first, last if dash else first)
    if all(word.isascii() and word.isdecimal() and len(word) <= 5 for word in words):
        low, high = map(int, words)
        if 1 <= low <= high <= MOST:
            return range(low, high + 1)
    raise SettingsError(f"{shown(text)} is no port: 3000 or 8000-8099 is needed")
