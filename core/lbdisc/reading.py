"""One entry of a registry, read: what it says, or what is wrong with it.

Whoever may write one entry may write anything into it. Whatever goes wrong while it is read is the
problem of that entry, and neither of the reader nor of the other entries: not because every format
is careful, but because every reader goes through ``read_entry``.
"""

from collections.abc import Callable
from typing import TypeVar

from lbdisc.errors import EntryError
from lbdisc.values import Problem

T = TypeVar("T")


def read_entry(where: str, decode: Callable[[], T]) -> T | Problem:
    """What ``decode`` returns of the entry at ``where``, or why it is skipped.

    ``decode`` may raise whatever it likes, other than to end the program. It should raise
    ``EntryError`` with what is wrong and what would be right; of anything else only the kind is
    told, as its text may be as long as the entry, or hold a secret of it.
    """
    try:
        return decode()
    except Exception as error:  # noqa: BLE001 - this is the one place for them
        return Problem(where, why(error))


def why(error: Exception) -> str:
    """What is said of an entry whose reading ended with ``error``."""
    if isinstance(error, EntryError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"it cannot be read ({type(error).__name__})"
