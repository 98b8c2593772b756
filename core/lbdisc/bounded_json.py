"""JSON of strangers, with limits that are looked at before anything is made of it.

Python's own reader goes as deep as the interpreter's stack, and leaves values that others, such as
``repr``, can go into no more. What a registry holds about one endpoint is small and flat.
"""

import json
import re
from collections import Counter
from typing import Any, NoReturn

from lbdisc.errors import EntryError, shown

MOST_BYTES = 64 * 1024
MOST_DEEP = 20  # arrays and objects within each other
MOST_DIGITS = 40  # characters of one number
# Possessive: it looks at each character once, whatever is open and never closed.
_SIGNS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


def load(text: str | bytes) -> Any:
    """What ``text`` says. Raises ``EntryError`` if it is no JSON, or more than the limits allow.

    UTF-16 and UTF-32 are read too, and a byte order mark, as ``json.loads`` does. A name that an
    object has twice is refused: which of the two counts depends on the reader.
    """
    if len(text) > MOST_BYTES:
        raise EntryError(f"{len(text)} bytes: at most {MOST_BYTES}")
    try:
        decoded = _decoded(text) if isinstance(text, bytes) else text
        _check_depth(decoded)
        return _READER.decode(decoded)
    except EntryError:
        raise
    except (ValueError, RecursionError) as error:
        raise EntryError(f"no JSON: {shown(str(error))}") from error


def _decoded(text: bytes) -> str:
    encoding = json.detect_encoding(text)
    return text.decode(encoding, "surrogatepass")


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MOST_DEEP:
        return
    depth = 0
    for found in _SIGNS.finditer(text):
        sign = found[0]
        if sign in "[{":
            depth += 1
            if depth > MOST_DEEP:
                raise EntryError(f"nested more than {MOST_DEEP} deep")
        elif sign in "]}":
            depth -= 1


def _whole(digits: str) -> int:
    _check_digits(digits)
    return int(digits)


def _broken(digits: str) -> float:
    _check_digits(digits)
    return float(digits)


def _check_digits(digits: str) -> None:
    if len(digits) > MOST_DIGITS:
        raise EntryError(f"a number of {len(digits)} characters: at most {MOST_DIGITS}")


def _no_number(word: str) -> NoReturn:
    raise EntryError(f"no JSON: {word} is no number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise EntryError(f"{shown(counts.most_common(1)[0][0])} stands there more than once")
    return found


_READER = json.JSONDecoder(
    parse_int=_whole,
    parse_float=_broken,
    parse_constant=_no_number,
    object_pairs_hook=_object,
)
