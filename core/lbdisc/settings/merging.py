"""Layers of settings as one: the later layer wins, and tables are merged key by key."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def over(higher: Any, lower: Any) -> Any:
    """``higher`` where it says something, else ``lower``; key by key where both are tables."""
    if not (isinstance(higher, dict) and isinstance(lower, dict)):
        return higher
    return lower | {
        name: over(value, lower[name]) if name in lower else value for name, value in higher.items()
    }


def merged(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The flat settings of ``layers``, of which the first one wins."""
    found: dict[str, Any] = {}
    for layer in layers:
        found = over(found, dict(layer))
    return found


def places(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """``value`` at ``key``; of a table that is not empty, what is in it at ``key.name``."""
    if not (isinstance(value, dict) and value):
        yield key, value
        return
    for name, inner in value.items():
        yield from places(f"{key}.{name}", inner)
