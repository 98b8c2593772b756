"""Where settings come from: flags, the environment and the settings file, as flat dotted keys."""

import dataclasses
import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import SecretStr

from lbdisc.errors import SettingsError, nearest, shown
from lbdisc.secret_files import FileSecret
from lbdisc.settings.entries import entry_of, types_of
from lbdisc.settings.merging import over
from lbdisc.settings.readable import TOO_DEEP, check_readable
from lbdisc.settings.tables import CoreSettings
from lbdisc.trust import refuse_untrusted

ENV_PREFIX = "LBDISC_"
CONFIG_VARIABLE = "LBDISC_CONFIG"
FILES = (Path("lbdisc.toml"), Path("/etc/lbdisc/lbdisc.toml"))
# A cluster with a service named "lbdisc" injects LBDISC_SERVICE_HOST, LBDISC_PORT_80_TCP, …
_INJECTED = re.compile(r"LBDISC_(SERVICE_(HOST|PORT).*|PORT(_\d+_(TCP|UDP).*)?)")
Tables = Mapping[str, type[Any]]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A settable key: ``etcd.endpoints``; ``secret`` is the secret that a ``_file`` key fills."""

    key: str
    type: Any
    help: str = ""
    secret: str = ""

    @property
    def variable(self) -> str:
        return ENV_PREFIX + self.key.replace(".", "_").replace("-", "_").upper()

    @property
    def is_secret(self) -> bool:
        return not self.secret and (self.type is SecretStr or SecretStr in get_args(self.type))


def leaves(tables: Tables) -> dict[str, Leaf]:
    """Every settable key of the core and of ``tables``."""
    found = [*_leaves_of(CoreSettings)]
    for name, table in sorted(tables.items()):
        found += _leaves_of(table, prefix=f"{name}.")
    return {leaf.key: leaf for leaf in found}


def _leaves_of(table: type[Any], prefix: str = "") -> Iterator[Leaf]:
    hints = get_type_hints(table, include_extras=True)
    for field in dataclasses.fields(table):
        kind = hints[field.name]
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            yield from _leaves_of(kind, prefix=f"{prefix}{field.name}.")
            continue
        leaf = Leaf(prefix + field.name, kind, field.metadata.get("help", ""))
        yield leaf
        if leaf.is_secret:
            yield Leaf(f"{leaf.key}_file", Path, f"a file that holds {field.name}", leaf.key)


def find_file(file: Path | None, env: Mapping[str, str]) -> Path | None:
    if file is None and env.get(CONFIG_VARIABLE):
        file = Path(env[CONFIG_VARIABLE])
    if file is not None:
        return file
    return next((path for path in FILES if path.is_file()), None)


def from_file(
    path: Path | None, known: Mapping[str, Leaf], broken: Collection[str] = ()
) -> dict[str, Any]:
    """The flat settings of the file; the tables of ``broken`` plugins are passed over."""
    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        if isinstance(error, UnicodeDecodeError):
            reason = f"byte {error.start} is no UTF-8"
        raise SettingsError(f"cannot read the settings file {path}: {reason}") from error
    except RecursionError as error:
        raise SettingsError(f"cannot read the settings file {path}: {TOO_DEEP}") from error
    check_readable(content, f"cannot read the settings file {path}")
    flat = dict(_flatten(content, known))
    flat = {key: value for key, value in flat.items() if key.split(".")[0] not in broken}
    for key in flat:
        if any(leaf.startswith(f"{key}.") for leaf in known):
            raise SettingsError(f"{key} in {path} is no setting but a table: write [{key}]")
        if key not in known:
            raise SettingsError(f"unknown setting {shown(key)} in {path}{_hint(key, known)}")
    return flat


def _flatten(
    content: Mapping[str, Any], known: Mapping[str, Leaf], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        key = prefix + name
        if isinstance(value, dict) and key not in known:
            if not value and not any(leaf.startswith(f"{key}.") for leaf in known):
                yield key, value
            yield from _flatten(value, known, f"{key}.")
        else:
            yield key, value


def from_assignments(assignments: Sequence[str], known: Mapping[str, Leaf]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        if not separator:
            raise SettingsError(f"--set {shown(assignment)}: KEY=VALUE is needed")
        if key in known:
            given = {key: _decoded(text, known[key], f"--set {key}")}
        else:
            given = _in_table(key, text, known)
        check_readable(given, f"--set {shown(key)}")
        found = over(given, found)
    return found


def _in_table(key: str, text: str, known: Mapping[str, Leaf]) -> dict[str, Any]:
    """What an assignment to ``TABLE.NAME`` gives, where the setting ``TABLE`` is a table."""
    tables = (leaf for leaf in known.values() if get_origin(leaf.type) is dict)
    table = next((leaf for leaf in tables if key.startswith(f"{leaf.key}.")), None)
    if table is None:
        raise SettingsError(f"unknown setting {shown(key)} in --set{_hint(key, known)}")
    name = key.removeprefix(f"{table.key}.")
    if entry := entry_of(table.type):
        return {table.key: _in_entry(key, name, entry, text)}
    if get_args(table.type)[1] is not Any:
        return {table.key: {name: text}}
    value = _value_of(text)
    for part in reversed(name.split(".")):
        value = {part: value}
    return {table.key: value}


def _in_entry(key: str, name: str, entry: type[Any], text: str) -> dict[str, Any]:
    """What an assignment to ``NAME.SETTING`` in a table by name gives; ``key`` is all of it."""
    which, dot, setting = name.rpartition(".")
    kind = types_of(entry).get(setting)
    if not dot or kind is None:
        hint = nearest(setting, types_of(entry))
        raise SettingsError(f"unknown setting {shown(key)} in --set{hint}")
    return {which: {setting: _decoded(text, Leaf(key, _without_none(kind)), f"--set {key}")}}


def _without_none(kind: Any) -> Any:
    if get_origin(kind) not in (Union, UnionType):
        return kind
    return next(part for part in get_args(kind) if part is not type(None))


def _value_of(text: str) -> Any:
    """JSON where ``text`` is some, else the text itself."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def from_environment(
    env: Mapping[str, str], known: Mapping[str, Leaf], broken: Collection[str] = ()
) -> dict[str, Any]:
    """The flat settings of ``LBDISC_…``; those of ``broken`` plugins are passed over."""
    by_variable = {leaf.variable: leaf for leaf in known.values()}
    found: dict[str, Any] = {}
    for variable, text in env.items():
        if variable in by_variable:
            leaf = by_variable[variable]
            found[leaf.key] = _decoded(text, leaf, variable)
        elif variable.startswith(ENV_PREFIX) and not _foreign(variable, broken):
            hint = nearest(variable, by_variable)
            name = variable if variable.isidentifier() else shown(variable)
            raise SettingsError(f"unknown setting {name} in the environment{hint}")
    return found


def _foreign(variable: str, broken: Collection[str]) -> bool:
    prefixes = tuple(f"{ENV_PREFIX}{name.replace('-', '_').upper()}_" for name in broken)
    return (
        variable == CONFIG_VARIABLE
        or variable.startswith(prefixes)
        or _INJECTED.fullmatch(variable) is not None
    )


def _decoded(text: str, leaf: Leaf, variable: str) -> Any:
    """Lists are split at commas, tables are JSON; pydantic reads the rest."""
    kind = get_origin(leaf.type)
    if kind in (list, tuple) and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind is dict and not text.strip():
        return {}
    if kind in (list, tuple, dict):
        try:
            value = json.loads(text, parse_constant=_no_constant)
        except ValueError as error:
            raise SettingsError(f"{variable}: no JSON: {error}") from error
        except RecursionError as error:
            raise SettingsError(f"{variable}: {TOO_DEEP}") from error
        check_readable(value, variable)
        return value
    return text


def _hint(key: str, known: Mapping[str, Leaf]) -> str:
    return nearest(key, known) or nearest(key, {leaf.split(".")[0] for leaf in known})


def read_secret_files(
    values: dict[str, Any],
    origins: dict[str, str],
    known: Mapping[str, Leaf],
    trusted: Sequence[str] = (),
) -> None:
    """Fill secrets from their files; the later ``_file`` layer yields to the secret itself."""
    for leaf in [leaf for leaf in known.values() if leaf.secret and leaf.key in values]:
        path = Path(str(values.pop(leaf.key)))
        if leaf.secret in values:
            raise SettingsError(
                f"both {leaf.secret} ({origins[leaf.secret]}) and {leaf.key} "
                f"({origins[leaf.key]}) are set: give one"
            )
        refuse_untrusted(path, leaf.key, trusted=trusted)
        try:
            values[leaf.secret] = FileSecret(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
            raise SettingsError(f"{leaf.key}: cannot read {path}: {reason}") from error
        origins[leaf.secret] = f"{path}, named by {leaf.key} ({origins[leaf.key]})"
