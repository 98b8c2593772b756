"""What pydantic takes and no operator means."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from lbdisc.errors import SettingsError, shown
from lbdisc.settings.entries import check_entries, entry_of
from lbdisc.settings.merging import places
from lbdisc.settings.sources import Leaf


def refuse_odd(
    values: Mapping[str, Any], origins: Mapping[str, str], known: Mapping[str, Leaf]
) -> None:
    """Raises ``SettingsError`` for a truth value as number, an empty path, a NUL in a text.

    So it does for what is not known in the entries of a table by name.
    """
    for leaf in known.values():
        if leaf.key in values and (entry := entry_of(leaf.type)):
            check_entries(leaf.key, entry, values[leaf.key], origins)
        if leaf.key in values and (why := _odd(values[leaf.key], leaf)):
            origin = origins.get(leaf.key, "default")
            raise SettingsError(f"bad setting {leaf.key} ({origin}): {why}")


def _odd(value: Any, leaf: Leaf) -> str:
    kinds = {leaf.type, *get_args(leaf.type)}
    if isinstance(value, bool) and kinds & {int, float}:
        return f"a number is needed, not {str(value).lower()}"
    for text in _texts(value):
        if Path in kinds and not (text and text.isprintable()):
            return f"a path is needed, not {shown(text)}"
        if "\0" in text:
            return "it holds a NUL" if leaf.is_secret else f"{shown(text)} holds a NUL"
    return ""


def _texts(value: Any) -> Iterator[str]:
    for _, part in places("", value):
        parts = part if isinstance(part, list | tuple) else [part]
        yield from (text for text in parts if isinstance(text, str))
