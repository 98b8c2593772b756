"""Whether a failure is one that was met before, whatever numbers its text holds."""

import re
from collections import Counter

MOST = 100  # different failures in a row; more are not told apart any more
_VARYING = re.compile(
    r"0x[0-9a-f]+|\b(?=[0-9a-f-]*\d)[0-9a-f-]{6,}\b|\d+(?:[.:,]\d+)*", re.IGNORECASE
)


def masked(text: str) -> str:
    """``text`` without what varies from one time to the next: numbers, times, process ids."""
    return _VARYING.sub("#", text)


class Repeats:
    """Counts failures of one kind and text. Not safe for use by several threads."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str]] = Counter()

    def count(self, kind: str, text: str) -> int:
        """How often this failure was met since the last ``clear``, this time included."""
        key = kind, masked(text)
        if key not in self._seen and len(self._seen) >= MOST:
            key = "", ""
        self._seen[key] += 1
        return self._seen[key]

    def clear(self) -> None:
        """It went well."""
        self._seen.clear()
