"""The embedded default: a folder of node files."""

from typing import Any

from lbdisc.hooks import Discovery, Provider, Registrar, hookimpl


@hookimpl
def lbdisc_discovery() -> Provider[Any, Discovery]:
    from lbdisc.builtin.file.discovery import FileDiscovery
    from lbdisc.builtin.file.settings import FileSettings

    return Provider("file", FileSettings, FileDiscovery)


@hookimpl
def lbdisc_registrar() -> Provider[Any, Registrar]:
    from lbdisc.builtin.file.registrar import FileRegistrar
    from lbdisc.builtin.file.settings import FileSettings

    return Provider("file", FileSettings, FileRegistrar)
