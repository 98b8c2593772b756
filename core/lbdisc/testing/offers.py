"""Making a plugin's roles from settings, as the agent does."""

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from lbdisc.hooks import Discovery, Provider, Registrar, Reloader, Renderer
from lbdisc.plugins import Plugins
from lbdisc.settings import loading

T = TypeVar("T")
Settings = Mapping[str, object]


def make_discovery(name: str, settings: Settings, *, plugin: str = "") -> Discovery:
    """The discovery ``name``, with ``settings`` by dotted keys.

    ``plugin`` is a module with hooks, for a plugin that no entry point names. Raises
    ``PluginError`` and ``SettingsError``.
    """
    return _make(_load(plugin).discovery(name), settings)


def make_registrar(name: str, settings: Settings, *, plugin: str = "") -> Registrar:
    """The registrar ``name``, likewise."""
    return _make(_load(plugin).registrar(name), settings)


def make_renderer(name: str, settings: Settings, *, plugin: str = "") -> Renderer:
    """The renderer ``name``, likewise."""
    return _make(_load(plugin).renderer(name), settings)


def make_reloader(name: str, settings: Settings, *, plugin: str = "") -> Reloader:
    """The reloader ``name``, likewise."""
    return _make(_load(plugin).reloader(name), settings)


def _load(plugin: str) -> Plugins:
    if not plugin:
        return Plugins.load()
    plugins = Plugins.load([])
    plugins.add(importlib.import_module(plugin), name=plugin)
    return plugins


def _make(provider: Provider[Any, T], settings: Settings) -> T:
    # An empty file: the settings of whoever runs the tests have no say.
    loaded = loading.load(
        {provider.name: provider.settings},
        file=Path(os.devnull),
        environment={},
        flags=dict(settings),
    )
    return provider.create(loaded.table(provider.name))
