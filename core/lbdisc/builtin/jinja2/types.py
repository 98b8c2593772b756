"""The types of a template's variables: what a value has to be."""

import re
from collections.abc import Callable, Mapping

from lbdisc.builtin.jinja2.quoting import HIDDEN

_UNSAFE = re.compile(r"""["'\\#]|[^\S ]""")
_TIME = re.compile(r"([0-9]{1,12})(us|ms|s|m|h|d)")
_MICROSECONDS = {
    **{"us": 1, "ms": 1000, "s": 1_000_000, "m": 60_000_000},
    **{"h": 3_600_000_000, "d": 86_400_000_000},
}
LIST = "list of "
TABLE = "table"
PER_NAME = "table by name"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and not HIDDEN.search(value)


def _is_time(value: object) -> bool:
    """HAProxy's times (manual 2.5) count milliseconds, in 31 bits."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    return found is not None and (1000 <= int(found[1]) * _MICROSECONDS[found[2]] < 1000 * 2**31)


TYPES: dict[str, Callable[[object], bool]] = {
    "text": _is_plain,
    # As text; it is never shown, and may stand in the file that NAME_file names.
    "secret": lambda value: value != "" and _is_plain(value),
    # What stands in a line as it is: it cannot end the line, a quote or a word of another.
    "words": lambda value: _is_plain(value) and not _UNSAFE.search(str(value)),
    "time": _is_time,
    "whole number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": _is_number,
    "true or false": lambda value: isinstance(value, bool),
    TABLE: lambda value: isinstance(value, Mapping),
    PER_NAME: lambda value: (
        isinstance(value, Mapping) and all(isinstance(entry, Mapping) for entry in value.values())
    ),
}
_HINTS = {
    "text": "without line breaks and other control characters",
    "secret": "a text, not empty, without line breaks and other control characters",
    "words": "without quotes, backslashes, #, line breaks and blanks other than spaces",
    "time": "a whole number and a unit, as in `500ms`, `10s` or `2m`, from 1ms to 24d",
}


def is_type(kind: str) -> bool:
    """Whether ``kind`` is one of ``TYPES``, or a list of one."""
    return kind.removeprefix(LIST) in TYPES and kind not in (LIST + TABLE, LIST + PER_NAME)


def fits(value: object, kind: str) -> bool:
    """Whether ``value`` is of the type ``kind``."""
    if kind.startswith(LIST):
        inner = kind.removeprefix(LIST)
        return isinstance(value, list | tuple) and all(fits(each, inner) for each in value)
    return TYPES[kind](value)


def alternatives(types: str) -> list[str]:
    """The types that ``types`` joins by ``or``; one of them has an ``or`` of its own."""
    return [kind.replace("|", "true or false") for kind in _apart(types)]


def _apart(types: str) -> list[str]:
    return types.replace("true or false", "|").split(" or ")


def hint(types: str) -> str:
    """What else is asked of ``types``, in parentheses, or ``""``."""
    found = _HINTS.get(types.rpartition(LIST)[2], "")
    return f" ({found})" if found else ""
