"""Settings that are a table by name, each entry of which has settings of its own.

Such a field is a ``dict[str, T]`` with a frozen dataclass ``T``: ``[endpoints.services.web]``.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

from lbdisc.errors import SettingsError, nearest, shown


def entry_of(annotation: Any) -> type[Any] | None:
    """The type of each entry, where the field is such a table."""
    if get_origin(annotation) is not dict:
        return None
    kind = get_args(annotation)[1]
    return kind if isinstance(kind, type) and dataclasses.is_dataclass(kind) else None


def types_of(entry: type[Any]) -> Mapping[str, Any]:
    """The types of an entry's settings, by name."""
    hints = get_type_hints(entry, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(entry)}


def check_entries(key: str, entry: type[Any], value: Any, origins: Mapping[str, str]) -> None:
    """Raises ``SettingsError`` for the first setting in the table ``key`` that nobody knows."""
    if not isinstance(value, dict):
        return  # whoever checks types says so
    known = types_of(entry)
    for name, settings in value.items():
        for setting in settings if isinstance(settings, dict) else ():
            if setting not in known:
                where = f"{key}.{name}.{setting}"
                origin = origins.get(where) or origins.get(f"{key}.{name}", "")
                told = f" ({origin})" if origin else ""
                hint = nearest(setting, known)
                raise SettingsError(f"unknown setting {shown(where)}{told}{hint}")


def plain(value: Any) -> Any:
    """``value`` with each entry as a table of what is set in it."""
    if not isinstance(value, dict):
        return value
    return {
        name: _plain(entry) if dataclasses.is_dataclass(entry) else entry
        for name, entry in value.items()
    }


def _plain(entry: Any) -> dict[str, Any]:
    found = {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}
    return {name: value for name, value in found.items() if value not in (None, ())}
