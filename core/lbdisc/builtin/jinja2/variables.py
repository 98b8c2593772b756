"""The variables that a template declares, and whether what the operator set fits them.

A template declares in comments that are TOML and begin with ``[vars]``::

    {#- [vars]
    cookie = { type = "text", help = "the name of the cookie" }
    ports  = { type = "list of whole number", default = [80] }
    -#}
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta

from lbdisc.errors import SettingsError, nearest, shown

_DECLARED = re.compile(r"\{#[-+]?\s*(\[vars\]\s*\n.*?)[-+]?#\}", re.DOTALL)
_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_UNSAFE = re.compile(r"""["'\\#]""")
_LIST = "list of "
PER_NAME = "table by name"
PARTS = ("type", "default", "help", "matches", "each")
KEY = "jinja2.vars"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and not _HIDDEN.search(value)


_TYPES: dict[str, Callable[[object], bool]] = {
    "text": _is_plain,
    # What stands in a line as it is: it cannot end the line, a quote or a word of another.
    "words": lambda value: _is_plain(value) and not _UNSAFE.search(str(value)),
    "whole number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": _is_number,
    "true or false": lambda value: isinstance(value, bool),
}
_HINTS = {
    "text": "without line breaks and other control characters",
    "words": "without quotes, backslashes, # and line breaks",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable: ``type`` is one of ``TYPES``, or some joined by ``or``.

    ``matches`` is a regular expression for the whole of each text; ``each`` are the members of
    every entry of a ``table by name``.
    """

    name: str
    type: str = "text"
    default: Any = None
    help: str = ""
    matches: str = ""
    each: tuple["Variable", ...] = ()

    def refused(self, value: object) -> str:
        """Why ``value`` does not fit, with what would; ``""`` if it does."""
        if not any(self._fits(value, kind) for kind in self.type.split(" or ")):
            hint = _HINTS.get(self.type.rpartition(_LIST)[2], "")
            return f"its type is {self.type}{f' ({hint})' if hint else ''}, not {shown(value)}"
        texts = value if isinstance(value, list | tuple) else [value]
        wrong = [t for t in texts if isinstance(t, str) and not self._matches(t)]
        return f"{shown(wrong[0])} is not {self.help or self.matches}" if wrong else ""

    def _fits(self, value: object, kind: str) -> bool:
        if kind.startswith(_LIST):
            inner = kind.removeprefix(_LIST)
            return isinstance(value, list | tuple) and all(self._fits(v, inner) for v in value)
        if kind == PER_NAME:
            return isinstance(value, Mapping) and all(
                isinstance(entry, Mapping) for entry in value.values()
            )
        return _TYPES[kind](value)

    def _matches(self, text: str) -> bool:
        return not self.matches or re.fullmatch(self.matches, text) is not None


@dataclass(frozen=True, slots=True)
class Declared:
    """The variables of some templates; ``open`` if one of them takes any."""

    variables: tuple[Variable, ...]
    open: bool

    @classmethod
    def of(cls, templates: Iterable[Path]) -> "Declared":
        """What ``templates`` declare. Raises ``SettingsError``; unreadable ones declare nothing."""
        found = [declared_in(path) for path in templates]
        known = {variable.name: variable for part in reversed(found) for variable in part or ()}
        return cls(tuple(known.values()), any(part is None for part in found))

    def filled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """``given`` and the defaults of what is not. Raises ``SettingsError`` for what is wrong."""
        _check(given, self.variables, KEY, is_open=self.open)
        defaults = {v.name: v.default for v in self.variables if v.default is not None}
        return defaults | dict(given)


def _check(
    given: Mapping[str, Any], variables: Iterable[Variable], place: str, *, is_open: bool
) -> None:
    known = {variable.name: variable for variable in variables}
    for name, value in given.items():
        key = f"{place}.{name}"
        variable = known.get(name)
        if variable is None:
            if not is_open:
                raise SettingsError(_unknown(key, name, known))
            continue
        if why := variable.refused(value):
            raise SettingsError(f"bad setting {key}: {why}")
        if variable.type == PER_NAME and variable.each:
            for entry, members in value.items():
                _check(members, variable.each, f"{key}.{entry}", is_open=False)


def _unknown(key: str, name: str, known: Mapping[str, Variable]) -> str:
    listed = ", ".join(sorted(known)) or "none"
    hint = nearest(name, known) or f" (it has: {listed})"
    return f"bad setting {key}: the template has no variable {shown(name)}{hint}"


def declared_in(path: Path) -> tuple[Variable, ...] | None:
    """What the template at ``path`` and those it includes declare, ``None`` if nothing.

    Raises ``SettingsError`` for a wrong declaration.
    """
    found = [part for each in _with_included(path) for part in _own(each)]
    return tuple(variable for part in found for variable in part) if found else None


def _own(path: Path) -> Iterator[list[Variable]]:
    for comment in _DECLARED.findall(_text(path)):
        try:
            yield list(_variables(tomllib.loads(comment)["vars"]))
        except ValueError as error:
            raise SettingsError(f"template {path}: its [vars]: {error}") from error


def _with_included(path: Path) -> list[Path]:
    """``path`` and, from the same folder, what it includes, extends and imports."""
    found = [path]
    for each in found:
        with suppress(jinja2.TemplateSyntaxError):  # whoever compiles it says so
            tree = jinja2.Environment(autoescape=True).parse(_text(each))
            names = jinja2.meta.find_referenced_templates(tree)
            more = (path.parent / name for name in names if name is not None)
            found += [other for other in more if other not in found]
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""  # whoever compiles it says so


def _variables(table: Mapping[str, Any]) -> Iterator[Variable]:
    for name, parts in table.items():
        if not isinstance(parts, dict) or not isinstance(parts.get("each", {}), dict):
            raise ValueError(f'{name}: a table is needed, as {{ type = "text" }}')
        try:
            yield _variable(name, parts)
        except (ValueError, TypeError, re.error) as error:
            raise ValueError(f"{name}: {error}") from error


def _variable(name: str, parts: Mapping[str, Any]) -> Variable:
    for part in parts:
        if part not in PARTS:
            raise ValueError(f"no part {shown(part)} (known: {', '.join(PARTS)})")
    each = tuple(_variables(parts.get("each", {})))
    variable = Variable(name=name, **{**parts, "each": each})
    for kind in str(variable.type).split(" or "):
        if kind != PER_NAME and kind.removeprefix(_LIST) not in _TYPES:
            types = ", ".join([*_TYPES, f"{_LIST}…", PER_NAME])
            raise ValueError(f"no type {shown(kind)} (known: {types})")
    re.compile(variable.matches)
    if variable.default is not None and (why := variable.refused(variable.default)):
        raise ValueError(f"its default: {why}")
    return variable
