"""Refusals by a check that runs as another user than HAProxy, which reads its files as root.

It cannot open a key that only root may read. HAProxy's words on that were seen on 2.6, 3.2 and 3.4.
"""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_CLOSED = re.compile(
    r"cannot open the file '([^']+)'"
    r"|'([^']+)' is present but cannot be read"
    r"|failed to open pattern file <([^>]+)>"
)


def unreadable(said: str, alerts: Sequence[str]) -> tuple[str, ...]:
    """The files that this user may not read, if that is all that the ``alerts`` are about."""
    found = tuple("".join(groups) for groups in _CLOSED.findall(said))
    closed = bool(found) and all(map(_is_closed, found))
    return found if closed and len(alerts) <= len(found) else ()


def _is_closed(name: str) -> bool:
    with suppress(OSError):
        return Path(name).is_file() and not os.access(name, os.R_OK)
    return False
