"""Finding the settings: flags over ``LBDISC_…`` over ``lbdisc.toml`` over defaults, with origins.

Every plugin's table has a dataclass type; the tables and the core's own make one pydantic-settings
model, so that file, environment and flags pass through the same validation. Unknown keys are errors
that name the nearest known one. Secrets (``SecretStr``) may come from files: ``password_file``.
"""

import dataclasses
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, get_type_hints, runtime_checkable

from pydantic import Field, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from lbdisc.errors import SettingsError
from lbdisc.secrecy import MASK
from lbdisc.secret_files import FileSecret
from lbdisc.settings.entries import plain
from lbdisc.settings.merging import merged, places
from lbdisc.settings.naming import check_names
from lbdisc.settings.networks import check_networks
from lbdisc.settings.refusing import refuse_odd
from lbdisc.settings.sources import (
    Leaf,
    Tables,
    find_file,
    from_assignments,
    from_environment,
    from_file,
    leaves,
    read_secret_files,
)
from lbdisc.settings.tables import CoreSettings
from lbdisc.settings.trusting import refuse_untrusted_files, trusted_in
from lbdisc.settings.wording import explained
from lbdisc.trust import refuse_untrusted

DEFAULT = "default"  # the origin of what nobody has set


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """A line of ``lbdisc config show``."""

    key: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """One setting with its value: ``table`` and ``name`` are its key.

    ``hidden``: the value is a secret; ``file`` is where that stands, if it came from one.
    ``is_secret`` tells of what is inside a table.
    """

    table: str
    name: str
    value: Any
    origin: str
    hidden: bool
    file: Path | None
    is_secret: Callable[[str], bool]

    @property
    def is_set(self) -> bool:
        """Whether it was set anywhere: it may have its default's value all the same."""
        return self.origin != DEFAULT


@runtime_checkable
class Hides(Protocol):
    """A plugin's settings with a table of which not only the types tell what is secret."""

    def is_secret(self, name: str) -> bool:
        """Whether the setting ``name`` of this table, a dotted one, is masked."""


class Settings:
    """The effective settings and where each came from."""

    def __init__(
        self,
        core: CoreSettings,
        tables: Mapping[str, Any],
        rows: Callable[[], list[ShownSetting]],
        file: Path | None,
        effective: Callable[[], list[EffectiveSetting]],
    ) -> None:
        self.core = core
        self._rows = rows
        self._effective = effective
        self.file = file
        self._tables = tables

    @property
    def rows(self) -> list[ShownSetting]:
        """Every effective setting; secrets are masked."""
        return self._rows()

    @property
    def effective(self) -> list[EffectiveSetting]:
        """Every setting with its own value; secrets are marked, and not masked."""
        return self._effective()

    def table(self, name: str) -> Any:
        """The filled settings of the provider ``name``."""
        return self._tables[name]


def load(
    tables: Tables,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
    broken: Collection[str] = (),
) -> Settings:
    """Find, merge and check the settings. Raises ``SettingsError`` with one line for the operator.

    ``file`` is the file that must exist; without it ``LBDISC_CONFIG``, else ``lbdisc.toml`` here or
    in ``/etc/lbdisc``. ``flags`` maps dotted keys to values; ``None`` means not given.
    ``assignments`` are flags in the form ``KEY=VALUE``. The tables of ``broken`` plugins, whose
    types nobody knows, are passed over.
    """
    env = os.environ if environment is None else environment
    known = leaves(tables)
    path = find_file(file, env)
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    flag = {**from_assignments(assignments, known), **given}
    outside = from_environment(env, known, broken)
    if path is not None:
        refuse_untrusted(path, "the settings file", trusted=trusted_in((flag, outside)))
    layers = [
        ("flag", flag),
        ("environment", outside),
        (str(path), from_file(path, known, broken)),
    ]
    origins = _origins(layers, known)
    values = merged(layer for _, layer in layers)
    refuse_odd(values, origins, known)
    trusted = trusted_in(layer for _, layer in layers)
    read_secret_files(values, origins, known, trusted)
    model = _validated(tables, values, origins, known)
    core = CoreSettings(**{f.name: _part(model, f.name) for f in dataclasses.fields(CoreSettings)})
    check_names(core, origins)
    check_networks(core, origins)
    state_dir = str(core.state_dir.expanduser().absolute())
    core = _expand(core, {"{state_dir}": state_dir}, core.services)
    places = {"{state_dir}": state_dir, "{output}": str(core.output)}
    filled = {name: _expand(_part(model, name), places, core.services) for name in tables}
    for name, table in filled.items():
        refuse_untrusted_files(name, table, trusted)
    parts = (core, filled, origins, known)
    return Settings(core, filled, partial(_rows, *parts), path, partial(_effective, *parts))


def _origins(layers: list[tuple[str, dict[str, Any]]], known: Mapping[str, Leaf]) -> dict[str, str]:
    origins: dict[str, str] = {}
    for origin, layer in reversed(layers):
        for key, value in layer.items():
            variable = f" {known[key].variable}" if origin == "environment" else ""
            inner = (place for place, _ in places(key, value))
            origins |= dict.fromkeys((key, *inner), origin + variable)
    return origins


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
        raise SettingsError(explained(error, origins, known)) from None


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
        fields[_PREFIX + name] = (table, Field(default_factory=table, alias=name))
    return create_model("Settings", __base__=_Settings, **fields)


# pydantic's models have methods of their own, "register" among them: our names stay apart.
_PREFIX = "table_"


def _part(model: BaseSettings, name: str) -> Any:
    return getattr(model, _PREFIX + name)


def _default_of(field: "dataclasses.Field[Any]") -> Any:
    if field.default is not dataclasses.MISSING:
        return Field(default=field.default, alias=field.name)
    assert field.default_factory is not dataclasses.MISSING
    return Field(default_factory=field.default_factory, alias=field.name)


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        table, _, name = key.rpartition(".")
        (nested.setdefault(table, {}) if table else nested)[name] = value
    return nested


def _expand(table: Any, places: Mapping[str, str], services: tuple[str, ...]) -> Any:
    """``table`` with ``places`` and ``{services}`` filled in and paths made absolute."""
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(table):
        value = getattr(table, field.name)
        if dataclasses.is_dataclass(value):
            changed[field.name] = _expand(value, places, services)
        elif isinstance(value, Path):
            text = _filled(str(value), places)
            changed[field.name] = Path(text).expanduser().absolute() if text != "." else value
        elif isinstance(value, str):
            changed[field.name] = _filled(value, places)
        elif value == ("{services}",):
            changed[field.name] = services
    return dataclasses.replace(table, **changed)


def _filled(text: str, places: Mapping[str, str]) -> str:
    for name, place in places.items():
        text = text.replace(name, place)
    return text


def _rows(
    core: CoreSettings,
    tables: Mapping[str, Any],
    origins: Mapping[str, str],
    known: Mapping[str, Leaf],
) -> list[ShownSetting]:
    rows = []
    for leaf in known.values():
        if leaf.secret:
            continue
        value = _value_of(leaf.key, core, tables)
        if leaf.is_secret and value is not None and value.get_secret_value():
            value = MASK
        elif leaf.is_secret:
            value = ""
        for key, part in places(leaf.key, plain(value)):
            shown = MASK if part and _hides(key, tables) else part
            rows.append(ShownSetting(key, shown, origins.get(key, DEFAULT)))
    return rows


def _effective(
    core: CoreSettings,
    tables: Mapping[str, Any],
    origins: Mapping[str, str],
    known: Mapping[str, Leaf],
) -> list[EffectiveSetting]:
    found = []
    for leaf in known.values():
        if leaf.secret:
            continue
        table, _, name = leaf.key.rpartition(".")
        value = _value_of(leaf.key, core, tables)
        is_given = leaf.is_secret and value is not None and bool(value.get_secret_value())
        inside = (origins[key] for key in origins if key.startswith(f"{leaf.key}."))
        found.append(
            EffectiveSetting(
                table,
                name,
                None if leaf.is_secret else plain(value),
                origins.get(leaf.key) or next(inside, DEFAULT),
                is_given,
                value.path if isinstance(value, FileSecret) else None,
                partial(_hides_inside, table, tables),
            )
        )
    return found


def _hides_inside(table: str, tables: Mapping[str, Any], name: str) -> bool:
    return _hides(f"{table}.{name}", tables)


def _hides(key: str, tables: Mapping[str, Any]) -> bool:
    table, _, name = key.partition(".")
    owner = tables.get(table)
    return isinstance(owner, Hides) and owner.is_secret(name)


def _value_of(key: str, core: CoreSettings, tables: Mapping[str, Any]) -> Any:
    table, _, name = key.rpartition(".")
    owner = tables[table] if table in tables else (getattr(core, table) if table else core)
    return getattr(owner, name)
