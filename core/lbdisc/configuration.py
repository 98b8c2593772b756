"""Finding the settings: flags over ``LBDISC_…`` over ``lbdisc.toml`` over defaults, with origins.

Every plugin's table has a dataclass type; the tables and the core's own make one pydantic-settings
model, so that file, environment and flags pass through the same validation. Unknown keys are errors
that name the nearest known one. Secrets (``SecretStr``) may come from files: ``password_file``.
"""

import dataclasses
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import SecretStr, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from lbdisc.errors import SettingsError
from lbdisc.plugins import nearest
from lbdisc.settings import CoreSettings
from lbdisc.values import shown

ENV_PREFIX = "LBDISC_"
CONFIG_VARIABLE = "LBDISC_CONFIG"
FILES = (Path("lbdisc.toml"), Path("/etc/lbdisc/lbdisc.toml"))
# A cluster with a service named "lbdisc" injects LBDISC_SERVICE_HOST, LBDISC_PORT_80_TCP, …
_INJECTED = re.compile(r"LBDISC_(SERVICE_(HOST|PORT).*|PORT(_\d+_(TCP|UDP).*)?)")
MASK = "********"
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


@dataclass(frozen=True, slots=True)
class Row:
    """A line of ``lbdisc config show``."""

    key: str
    value: Any
    origin: str


class Configuration:
    """The effective settings and where each came from."""

    def __init__(
        self, core: CoreSettings, tables: Mapping[str, Any], rows: list[Row], file: Path | None
    ) -> None:
        self.core = core
        self.rows = rows
        self.file = file
        self._tables = tables

    def table(self, name: str) -> Any:
        """The filled settings of the provider ``name``."""
        return self._tables[name]


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


def load(
    tables: Tables,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
) -> Configuration:
    """Find, merge and check the settings. Raises ``SettingsError`` with one line for the operator.

    ``file`` is the file that must exist; without it ``LBDISC_CONFIG``, else ``lbdisc.toml`` here or
    in ``/etc/lbdisc``. ``flags`` maps dotted keys to values; ``None`` means not given.
    ``assignments`` are flags in the form ``KEY=VALUE``.
    """
    env = os.environ if environment is None else environment
    known = leaves(tables)
    path = _find_file(file, env)
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    layers = [
        ("flag", {**_from_assignments(assignments, known), **given}),
        ("environment", _from_environment(env, known)),
        (str(path), _from_file(path, known)),
    ]
    origins = _origins(layers, known)
    values = {key: layer[key] for _, layer in reversed(layers) for key in layer}
    _read_secret_files(values, origins, known)
    model = _validated(tables, values, origins, known)
    core = CoreSettings(**{f.name: _part(model, f.name) for f in dataclasses.fields(CoreSettings)})
    state_dir = str(core.state_dir.expanduser().absolute())
    core = _expand(core, state_dir, core.services)
    filled = {name: _expand(_part(model, name), state_dir, core.services) for name in tables}
    return Configuration(core, filled, _rows(core, filled, origins, known), path)


def _find_file(file: Path | None, env: Mapping[str, str]) -> Path | None:
    if file is None and env.get(CONFIG_VARIABLE):
        file = Path(env[CONFIG_VARIABLE])
    if file is not None:
        return file
    return next((path for path in FILES if path.is_file()), None)


def _from_file(path: Path | None, known: Mapping[str, Leaf]) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(f"cannot read the settings file {path}: {reason}") from error
    flat = dict(_flatten(content, known))
    for key in flat:
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


def _from_assignments(assignments: Sequence[str], known: Mapping[str, Leaf]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        if not separator:
            raise SettingsError(f"--set {shown(assignment)}: KEY=VALUE is needed")
        if key not in known:
            raise SettingsError(f"unknown setting {shown(key)} in --set{_hint(key, known)}")
        found[key] = _decoded(text, known[key], f"--set {key}")
    return found


def _from_environment(env: Mapping[str, str], known: Mapping[str, Leaf]) -> dict[str, Any]:
    by_variable = {leaf.variable: leaf for leaf in known.values()}
    found: dict[str, Any] = {}
    for variable, text in env.items():
        if variable in by_variable:
            leaf = by_variable[variable]
            found[leaf.key] = _decoded(text, leaf, variable)
        elif variable.startswith(ENV_PREFIX) and not _foreign(variable):
            hint = nearest(variable, by_variable)
            raise SettingsError(f"unknown setting {variable} in the environment{hint}")
    return found


def _foreign(variable: str) -> bool:
    return variable == CONFIG_VARIABLE or _INJECTED.fullmatch(variable) is not None


def _decoded(text: str, leaf: Leaf, variable: str) -> Any:
    """Lists are split at commas, tables are JSON; pydantic reads the rest."""
    kind = get_origin(leaf.type)
    if kind in (list, tuple) and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind in (list, tuple, dict):
        try:
            return json.loads(text)
        except ValueError as error:
            raise SettingsError(f"{variable}: no JSON: {error}") from error
    return text


def _hint(key: str, known: Mapping[str, Leaf]) -> str:
    return nearest(key, known) or nearest(key, {leaf.split(".")[0] for leaf in known})


def _origins(layers: list[tuple[str, dict[str, Any]]], known: Mapping[str, Leaf]) -> dict[str, str]:
    origins: dict[str, str] = {}
    for origin, layer in reversed(layers):
        for key in layer:
            variable = f" {known[key].variable}" if origin == "environment" else ""
            origins[key] = origin + variable
    return origins


def _read_secret_files(
    values: dict[str, Any], origins: dict[str, str], known: Mapping[str, Leaf]
) -> None:
    """Fill secrets from their files; the later ``_file`` layer yields to the secret itself."""
    for leaf in [leaf for leaf in known.values() if leaf.secret and leaf.key in values]:
        path = Path(str(values.pop(leaf.key)))
        if leaf.secret in values:
            raise SettingsError(
                f"both {leaf.secret} ({origins[leaf.secret]}) and {leaf.key} "
                f"({origins[leaf.key]}) are set: give one"
            )
        try:
            values[leaf.secret] = path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
            raise SettingsError(f"{leaf.key}: cannot read {path}: {reason}") from error
        origins[leaf.secret] = f"{path}, named by {leaf.key} ({origins[leaf.key]})"


def _validated(
    tables: Tables,
    values: Mapping[str, Any],
    origins: Mapping[str, str],
    known: Mapping[str, Leaf],
) -> BaseSettings:
    model = _model(tables)
    try:
        return model(**_nested(values))
    except ValidationError as error:
        raise SettingsError(_explained(error, origins, known)) from None


class _Settings(BaseSettings):
    """Takes the layers as ``load`` has merged them."""

    model_config = SettingsConfigDict(extra="forbid", hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def _model(tables: Tables) -> type[BaseSettings]:
    hints = get_type_hints(CoreSettings, include_extras=True)
    fields: dict[str, Any] = {
        _PREFIX + field.name: (hints[field.name], _default_of(field))
        for field in dataclasses.fields(CoreSettings)
    }
    for name, table in tables.items():
        if _PREFIX + name in fields:
            raise SettingsError(f"a plugin may not be named {name!r}: a table of the core")
        fields[_PREFIX + name] = (
            table,
            FieldInfo(default_factory=table, alias=name, validation_alias=name),
        )
    return create_model("Settings", __base__=_Settings, **fields)


# pydantic's models have methods of their own, "register" among them: our names stay apart.
_PREFIX = "table_"


def _part(model: BaseSettings, name: str) -> Any:
    return getattr(model, _PREFIX + name)


def _default_of(field: "dataclasses.Field[Any]") -> FieldInfo:
    if field.default is not dataclasses.MISSING:
        return FieldInfo(default=field.default, alias=field.name, validation_alias=field.name)
    assert field.default_factory is not dataclasses.MISSING
    return FieldInfo(
        default_factory=field.default_factory, alias=field.name, validation_alias=field.name
    )


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        table, _, name = key.rpartition(".")
        (nested.setdefault(table, {}) if table else nested)[name] = value
    return nested


def _explained(
    error: ValidationError, origins: Mapping[str, str], known: Mapping[str, Leaf]
) -> str:
    first, *more = error.errors(include_url=False, include_context=False)
    where = [str(part) for part in first["loc"]]
    key = next(
        (".".join(where[:n]) for n in (3, 2, 1) if ".".join(where[:n]) in known), ".".join(where)
    )
    origin = f" ({origins[key]})" if key in origins else ""
    leaf = known.get(key)
    got = "" if leaf is None or leaf.is_secret or "input" not in first else _got(first["input"])
    also = f"; and {len(more)} more" if more else ""
    message = first["msg"].removeprefix("Value error, ")
    return f"bad setting {key}{origin}: {message[:1].lower()}{message[1:]}{got}{also}"


def _got(value: Any) -> str:
    return "" if isinstance(value, dict) else f", not {shown(value)}"


def _expand(table: Any, state_dir: str, services: tuple[str, ...]) -> Any:
    """``table`` with ``{state_dir}`` and ``{services}`` filled in and paths made absolute."""
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(table):
        value = getattr(table, field.name)
        if dataclasses.is_dataclass(value):
            changed[field.name] = _expand(value, state_dir, services)
        elif isinstance(value, Path):
            text = str(value).replace("{state_dir}", state_dir)
            changed[field.name] = Path(text).expanduser().absolute() if text != "." else value
        elif isinstance(value, str) and "{state_dir}" in value:
            changed[field.name] = value.replace("{state_dir}", state_dir)
        elif value == ("{services}",):
            changed[field.name] = services
    return dataclasses.replace(table, **changed)


def _rows(
    core: CoreSettings,
    tables: Mapping[str, Any],
    origins: Mapping[str, str],
    known: Mapping[str, Leaf],
) -> list[Row]:
    rows = []
    for leaf in known.values():
        if leaf.secret:
            continue
        value = _value_of(leaf.key, core, tables)
        if leaf.is_secret and value is not None and value.get_secret_value():
            value = MASK
        elif leaf.is_secret:
            value = ""
        rows.append(Row(leaf.key, value, origins.get(leaf.key, "default")))
    return rows


def _value_of(key: str, core: CoreSettings, tables: Mapping[str, Any]) -> Any:
    table, _, name = key.rpartition(".")
    owner = tables[table] if table in tables else (getattr(core, table) if table else core)
    return getattr(owner, name)
