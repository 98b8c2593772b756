"""The variables that a template declares, and whether what the operator set fits them.

A template declares in comments that are TOML and begin with ``[vars]``::

    {#- [vars]
    cookie = { type = "text", help = "the name of the cookie" }
    ports  = { type = "list of whole number", default = [80] }
    -#}
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from lbdisc.builtin.jinja2 import types
from lbdisc.builtin.jinja2.fingerprint import referenced
from lbdisc.errors import SettingsError, nearest, shown

_DECLARED = re.compile(r"\{#[-+]?\s*(\[vars\]\s*\n.*?)[-+]?#\}", re.DOTALL)
PARTS = (
    *("type", "default", "help", "matches", "least", "most", "refused_if", "drawn"),
    *("members", "each"),
)
_BELONG = {"members": types.TABLE, "each": types.PER_NAME}
KEY = "jinja2.vars"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable: ``type`` is one of ``TYPES``, or some joined by ``or``.

    ``matches`` is a regular expression for the whole of each text, ``least`` and ``most`` bound
    each number. ``refused_if`` says by condition why it does not go with others (``conditions``).
    ``members`` are those of a ``table``, ``each`` those of every entry of a ``table by name``.
    A secret that is ``drawn`` has a value at random where it is not set.
    """

    name: str
    type: str = "text"
    default: Any = None
    help: str = ""
    matches: str = ""
    least: float | None = None
    most: float | None = None
    refused_if: Mapping[str, str] = field(default_factory=dict)
    drawn: bool = False
    members: tuple["Variable", ...] = ()
    each: tuple["Variable", ...] = ()

    def refused(self, value: object) -> str:
        """Why ``value`` does not fit, with what would; ``""`` if it does."""
        if not any(types.fits(value, kind) for kind in types.alternatives(self.type)):
            got = "" if self.type == "secret" else f", not {shown(value)}"
            return f"its type is {self.type}{types.hint(self.type)}{got}"
        values = value if isinstance(value, list | tuple) else [value]
        wrong = [each for each in values if not (self._matches(each) and self._is_within(each))]
        if wrong and self.type == "secret":
            return f"it is not {self._asked}"
        return f"{shown(wrong[0])} is not {self.help or self._asked}" if wrong else ""

    @property
    def _asked(self) -> str:
        bounds = {"at least": self.least, "at most": self.most}
        said = [f"{what} {bound}" for what, bound in bounds.items() if bound is not None]
        return self.matches or " and ".join(said)

    def _matches(self, value: object) -> bool:
        text = isinstance(value, str) and self.matches
        return not text or re.fullmatch(self.matches, str(value)) is not None

    def _is_within(self, value: object) -> bool:
        if not isinstance(value, int | float):
            return True
        low, high = self.least, self.most
        return (low is None or value >= low) and (high is None or value <= high)


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
        return _filled(given, self.variables)


def _filled(
    given: Mapping[str, Any], variables: Iterable[Variable], *, inner: bool = False
) -> dict[str, Any]:
    """``given`` with the defaults of what is not, also in tables; in inner ones, if they are."""
    found = dict(given)
    for variable in variables:
        name = variable.name
        if variable.default is not None:
            found.setdefault(name, variable.default)
        if variable.members and (name in found or not inner):
            found[name] = _filled(found.get(name, {}), variable.members, inner=True)
        if variable.each and name in found:
            entries = found[name].items()
            found[name] = {n: _filled(e, variable.each, inner=True) for n, e in entries}
    return found


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
        if variable.members:
            _check(value, variable.members, key, is_open=False)
        if variable.each:
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
            more = (path.parent / name for name in referenced(_text(each)))
            found += [other for other in more if other not in found]
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""  # whoever compiles it says so


def _variables(table: Mapping[str, Any]) -> Iterator[Variable]:
    for name, parts in table.items():
        if not isinstance(parts, dict) or not all(
            isinstance(parts.get(part, {}), dict) for part in _BELONG
        ):
            raise ValueError(f'{name}: a table is needed, as {{ type = "text" }}')
        try:
            yield _variable(name, parts)
        except (ValueError, TypeError, re.error) as error:
            raise ValueError(f"{name}: {error}") from error


def _variable(name: str, parts: Mapping[str, Any]) -> Variable:
    for part in parts:
        if part not in PARTS:
            raise ValueError(f"no part {shown(part)} (known: {', '.join(PARTS)})")
    inner = {key: tuple(_variables(parts.get(key, {}))) for key in _BELONG}
    variable = Variable(name=name, **{**parts, **inner})
    for kind in types.alternatives(str(variable.type)):
        if not types.is_type(kind):
            known = ", ".join([*types.TYPES, f"{types.LIST}…"])
            raise ValueError(f"no type {shown(kind)} (known: {known})")
    for part, kind in _BELONG.items():
        if inner[part] and variable.type != kind:
            raise ValueError(f"{part} are those of a {kind}")
    if variable.drawn and variable.type != "secret":
        raise ValueError("only a secret is drawn")
    re.compile(variable.matches)
    if variable.default is not None and (why := variable.refused(variable.default)):
        raise ValueError(f"its default: {why}")
    return variable
