"""Writing settings as TOML: dotted keys and plain values."""

import json
from collections.abc import Mapping
from pathlib import Path


def document(settings: Mapping[str, object]) -> str:
    """A TOML document of ``settings``, whose keys may be dotted. Raises ``TypeError``."""
    return "".join(f"{key} = {value(found)}\n" for key, found in settings.items())


def value(found: object) -> str:
    """``found`` as TOML writes it. Raises ``TypeError`` for what TOML has not."""
    match found:
        case bool() | int() | float():
            return json.dumps(found)
        case str() | Path():
            # A JSON string is a TOML string but for DEL, which JSON leaves as it is.
            return json.dumps(str(found), ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            pairs = (f"{value(str(key))} = {value(item)}" for key, item in found.items())
            return f"{{ {', '.join(pairs)} }}" if found else "{}"
        case list() | tuple():
            return f"[{', '.join(value(item) for item in found)}]"
        case _:
            raise TypeError(f"no setting: {found!r}")
