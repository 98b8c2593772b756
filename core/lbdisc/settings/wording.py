"""What is wrong with a setting, in the operator's words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from lbdisc.errors import shown
from lbdisc.settings.entries import entry_of
from lbdisc.settings.sources import Leaf

_NUMBER = "a number is needed"
_WHOLE = "a whole number is needed"
_WORDS = {
    "bool_parsing": "true or false is needed",
    "bool_type": "true or false is needed",
    "dict_type": "a table is needed",
    "finite_number": "a finite number is needed",
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "list_type": "a list is needed",
    "path_type": "a path is needed",
    "string_too_short": "it may not be empty",
    "string_type": "a text is needed",
    "string_unicode": "a text in UTF-8 is needed",
    "tuple_type": "a list is needed",
}


def explained(error: ValidationError, origins: Mapping[str, str], known: Mapping[str, Leaf]) -> str:
    """The first thing that is wrong, as one line that says where it came from."""
    first, *more = error.errors(include_url=False, include_context=False)
    where = [str(part) for part in first["loc"]]
    prefixes = [".".join(where[:n]) for n in range(len(where), 0, -1)]
    key = next((prefix for prefix in prefixes if prefix in known), ".".join(where))
    inner = _inner(where, key, known)
    origin = next((f" ({origins[prefix]})" for prefix in prefixes if prefix in origins), "")
    leaf = known.get(key)
    secret = leaf is None or leaf.is_secret or "input" not in first
    got = "" if secret else _got(first["input"])
    also = f"; and {len(more)} more" if more else ""
    return f"bad setting {inner}{origin}: {_said(first, got)}{got}{also}"


def _inner(where: Sequence[str], key: str, known: Mapping[str, Leaf]) -> str:
    """``key``, with the entry's name and its setting where it is a table by name."""
    if key not in known or not entry_of(known[key].type):
        return key
    return ".".join(where[: key.count(".") + 3])


def _said(error: Mapping[str, Any], got: str) -> str:
    if (words := _WORDS.get(error["type"])) is not None:
        hint = f", as [{json.dumps(error['input'])}]" if got and _is_one_of_a_list(error) else ""
        return words + hint
    message = str(error["msg"]).removeprefix("Value error, ")
    message = message.replace("Input should be", "it has to be")
    return f"{message[:1].lower()}{message[1:]}"


def _is_one_of_a_list(error: Mapping[str, Any]) -> bool:
    return error["type"] in ("list_type", "tuple_type") and isinstance(error["input"], str)


def _got(value: Any) -> str:
    if isinstance(value, dict):
        return ", not a table"
    return f", not {shown(value)}" if value != "" else ""
