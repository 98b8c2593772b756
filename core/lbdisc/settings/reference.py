"""The reference of all settings, made from their types, so that it cannot be out of date."""

import dataclasses
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
    Protocol,
    Union,
    get_args,
    get_origin,
    runtime_checkable,
)

from pydantic import SecretStr

from lbdisc.settings.entries import entry_of, types_of
from lbdisc.settings.sources import Leaf, Tables, leaves
from lbdisc.settings.tables import CoreSettings


class DeclaredVariable(Protocol):
    """A variable that a template declares, with those of each entry where it is a table."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def default(self) -> Any: ...
    @property
    def help(self) -> str: ...
    @property
    def members(self) -> "Sequence[DeclaredVariable]": ...
    @property
    def each(self) -> "Sequence[DeclaredVariable]": ...


@runtime_checkable
class Declares(Protocol):
    """Settings whose member ``vars`` is declared elsewhere than in their type."""

    def variables(self) -> Sequence[DeclaredVariable]: ...


_NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}


def settings_reference(tables: Tables) -> str:
    """Markdown: a table for the keys at the top, then one for each table of ``lbdisc.toml``."""
    found = leaves(tables)
    groups: dict[str, list[Leaf]] = {}
    for leaf in found.values():
        groups.setdefault(leaf.key.rpartition(".")[0], []).append(leaf)
    return "\n".join(
        line for table, members in groups.items() for line in _table(table, members, tables)
    )


def _table(table: str, members: list[Leaf], tables: Tables) -> Iterator[str]:
    yield f"## `[{table}]`" if table else "## At the top of the file"
    yield ""
    yield "| key | environment | type | default | |"
    yield "|---|---|---|---|---|"
    defaults = _defaults(table, tables)
    for leaf in members:
        name = leaf.key.rpartition(".")[2]
        default = "" if leaf.secret else _shown(name, defaults)
        kind = _kind(leaf.type).replace("|", "\\|")
        yield f"| `{name}` | `{leaf.variable}` | {kind} | {default} | {leaf.help} |"
    yield ""
    for leaf in members:
        if entry := entry_of(leaf.type):
            yield from _entry(leaf.key, entry)
    declared = tables.get(table)
    if isinstance(declared, Declares):
        yield from _declared(f"{table}.vars", declared.variables())


def _entry(key: str, entry: type[Any]) -> Iterator[str]:
    """The settings of each entry in a table by name."""
    yield f"### `[{key}.NAME]`"
    yield ""
    yield "| key | type | |"
    yield "|---|---|---|"
    kinds = types_of(entry)
    for field in dataclasses.fields(entry):
        kind = _kind(kinds[field.name]).replace("|", "\\|")
        yield f"| `{field.name}` | {kind} | {field.metadata.get('help', '')} |"
    yield ""


def _declared(table: str, variables: Sequence[DeclaredVariable]) -> Iterator[str]:
    """What the template that travels with lbdisc declares."""
    yield f"### `[{table}]` of the default template"
    yield ""
    yield "| key | type | default | |"
    yield "|---|---|---|---|"
    yield from _rows("", variables)
    yield ""


def _rows(before: str, variables: Sequence[DeclaredVariable]) -> Iterator[str]:
    for variable in variables:
        name = f"{before}{variable.name}"
        default = "" if variable.default in (None, "", {}) else _code(variable.default)
        yield f"| `{name}` | {variable.type} | {default} | {variable.help} |"
        yield from _rows(f"{name}.", variable.members)
        yield from _rows(f"{name}.NAME.", variable.each)


def _code(value: object) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _defaults(table: str, tables: Tables) -> Any:
    if table in tables:
        return tables[table]()
    return getattr(CoreSettings(), table) if table else CoreSettings()


# These depend on the machine.
_SAID = {"state_dir": "`/var/lib/lbdisc`", "template": "the one that travels with lbdisc"}


def _shown(name: str, defaults: Any) -> str:
    value = getattr(defaults, name)
    if name == "name" and isinstance(value, str) and value:
        return "the host's name"
    if name in _SAID and "{state_dir}" not in str(value):
        return _SAID[name]
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    if value is None or value == "" or value == {}:
        return ""
    return _code(value)


def _kind(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{argument}`" for argument in arguments)
    if origin in (tuple, list):
        return f"list of {_kind(arguments[0])}"
    if origin is dict:
        return "table"
    if origin in (Union, types.UnionType):
        return " or ".join(_kind(a) for a in arguments if a is not type(None))
    return "secret text" if annotation is SecretStr else _NAMES.get(annotation, "text")
