"""The hooks of lbdisc-sqlite."""

from typing import Any

from lbdisc.hooks import Discovery, Provider, Registrar, hookimpl


@hookimpl
def lbdisc_discovery() -> Provider[Any, Discovery]:
    """A table with a row for each endpoint."""
    from .discovery import SqliteDiscovery
    from .settings import SqliteSettings

    return Provider("sqlite", SqliteSettings, SqliteDiscovery)


@hookimpl
def lbdisc_registrar() -> Provider[Any, Registrar]:
    """A row in that table."""
    from .registrar import SqliteRegistrar
    from .settings import SqliteSettings

    return Provider("sqlite", SqliteSettings, SqliteRegistrar)
