"""Whole numbers as HAProxy's files have them: ASCII digits, and no more than mean anything."""

import re

_WHOLE = re.compile(r"0*([0-9]{1,18})")


def whole(text: str) -> int | None:
    """The number ``text``, ``None`` for anything else and for what no field of HAProxy's holds."""
    found = _WHOLE.fullmatch(text)
    return int(found[1]) if found else None
