"""JSON Schema of ``lbdisc.toml``, made from the types of the settings, for editors and checkers.

What it takes, ``load`` takes; what only the settings together or the machine can tell (a name that
is none, a file that is not there, a user without a password) only ``load`` finds. ``load`` also
takes a text for a number or a truth value, as the environment has them; the schema does not.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import SecretStr, TypeAdapter

from lbdisc.secrecy import is_secret
from lbdisc.settings.entries import entry_of, types_of
from lbdisc.settings.sources import Leaf, Tables, leaves
from lbdisc.settings.tables import CoreSettings

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$"
_PORTS = r"^[0-9]{1,5}(-[0-9]{1,5})?$"
# What ``load`` asks of single settings beyond their types: see ``naming`` and ``networks``.
_MORE: Mapping[str, Mapping[str, Any]] = {
    "services": {"minItems": 1, "uniqueItems": True, "items": {"type": "string", "pattern": _NAME}},
    "register.service": {"pattern": _NAME},
    "endpoints.allow": {"minItems": 1},
    "endpoints.ports": {"minItems": 1, "items": {"type": "string", "pattern": _PORTS}},
}
_HERE = ("state_dir", "name", "template")  # defaults that depend on the machine


def settings_schema(tables: Tables) -> dict[str, Any]:
    """That of the core and of ``tables``: every table, each key with its help and default."""
    root: dict[str, Any] = {
        "$schema": DRAFT,
        "title": "lbdisc.toml",
        "description": "The settings of lbdisc and of its installed plugins",
        **_object(),
    }
    for leaf in leaves(tables).values():
        table, _, name = leaf.key.rpartition(".")
        place = _table(root, table, tables)
        place["properties"][name] = _of(leaf, tables)
        if leaf.secret:
            both = {"required": [leaf.secret.rpartition(".")[2], name]}
            place.setdefault("allOf", []).append({"not": both})
    return root


def _object() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def _table(root: dict[str, Any], name: str, tables: Tables) -> dict[str, Any]:
    """The place of the table in ``root``, made where it is not there yet."""
    if not name:
        return root
    properties: dict[str, Any] = root["properties"]
    if name not in properties:
        kind = tables.get(name) or type(getattr(CoreSettings(), name))
        said = (kind.__doc__ or "").strip().partition("\n")[0]
        properties[name] = {"description": said, **_object()}
    found: dict[str, Any] = properties[name]
    return found


def _of(leaf: Leaf, tables: Tables) -> dict[str, Any]:
    made = {**_kind(leaf.type), **_MORE.get(leaf.key, {})}
    made = {"description": leaf.help, **made} if leaf.help else made
    default = _default(leaf, tables)
    return made | ({} if default is None else {"default": default})


def _kind(annotation: Any) -> dict[str, Any]:
    """The schema of one value. TOML has no null: what may be ``None`` is left out there."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        parts = [_kind(part) for part in get_args(annotation) if part is not type(None)]
        return parts[0] if len(parts) == 1 else {"anyOf": parts}
    if entry := entry_of(annotation):
        return {"type": "object", "additionalProperties": _entry(entry)}
    if annotation is SecretStr:
        return {"type": "string"}
    if annotation is Path:
        return {"type": "string", "minLength": 1, "pattern": r"^[^\u0000-\u001f\u007f]+$"}
    made = TypeAdapter(annotation).json_schema()
    return {key: value for key, value in made.items() if key != "default"}


def _entry(entry: type[Any]) -> dict[str, Any]:
    made = _object()
    helps = {field.name: field.metadata.get("help", "") for field in dataclasses.fields(entry)}
    for name, kind in types_of(entry).items():
        made["properties"][name] = {"description": helps[name], **_kind(kind)}
    return made


def _default(leaf: Leaf, tables: Tables) -> Any:
    """What counts where nothing is said, if that is one value that may be shown."""
    table, _, name = leaf.key.rpartition(".")
    if leaf.secret or leaf.is_secret or is_secret(name) or name in _HERE:
        return None
    owner = tables[table]() if table in tables else _core(table)
    value = getattr(owner, name)
    if isinstance(value, tuple):
        return [*map(str, value)]
    if isinstance(value, Path):
        return str(value)
    return value if isinstance(value, bool | int | float | str) else None


def _core(table: str) -> Any:
    return getattr(CoreSettings(), table) if table else CoreSettings()
