"""The effective settings as a ``lbdisc.toml``: what was set, or all; never a secret."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lbdisc.settings.loading import EffectiveSetting, Settings

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def exported(settings: Settings, *, schema: str, everything: bool = False) -> str:
    """A TOML document, with the ``#:schema`` line that editors look for.

    What is not set anywhere is left out, unless ``everything`` is wanted. A secret that came from a
    file is named by that file, any other is left out, and said.
    """
    wanted = [one for one in settings.effective if everything or one.is_set]
    top = [line for one in wanted if not one.table for line in _lines(one)]
    lines = [f"#:schema {schema}", *top]
    for table in dict.fromkeys(one.table for one in wanted if one.table):
        lines += ["", f"[{table}]"]
        lines += [line for one in wanted if one.table == table for line in _lines(one)]
    return "\n".join(lines) + "\n"


def _lines(one: EffectiveSetting) -> Iterator[str]:
    if one.file is not None:
        yield f"{one.name}_file = {_value(one.file)}"
    elif one.hidden:
        yield f"# {one.name} is a secret and left out ({one.origin})"
    elif one.value is not None:
        value, left = _shown(one.value, one)
        yield f"{_key(one.name)} = {_value(value)}"
        yield from (f"# {name} is a secret and left out" for name in left)


def _shown(value: Any, one: EffectiveSetting) -> tuple[Any, list[str]]:
    """``value`` without what is secret in it, and the names of that."""
    if not isinstance(value, Mapping):
        return value, []
    left: list[str] = []
    return _without(value, one, one.name, left), left


def _without(
    table: Mapping[str, Any], one: EffectiveSetting, at: str, left: list[str]
) -> dict[str, Any]:
    found = {}
    for name, value in table.items():
        place = f"{at}.{name}"
        if one.is_secret(place) and value not in ("", None):
            left.append(place)
        elif value is not None:
            found[name] = _without(value, one, place, left) if isinstance(value, dict) else value
    return found


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    # A JSON string is a TOML string but for DEL, which JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, str | Path):
        return _text(str(value))
    if isinstance(value, Mapping):
        pairs = (f"{_key(str(key))} = {_value(item)}" for key, item in value.items())
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{', '.join(map(_value, value))}]"
    return _text(str(value))
