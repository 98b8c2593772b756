"""What the core itself offers, through the hooks that any plugin uses."""

from typing import TYPE_CHECKING

from lbdisc.hooks import Discovery, Provider, Registrar, hookimpl

if TYPE_CHECKING:
    from lbdisc.file_settings import FileSettings


@hookimpl
def lbdisc_discovery() -> "Provider[FileSettings, Discovery]":
    """A folder with a file for each node."""
    from lbdisc.file_discovery import FileDiscovery
    from lbdisc.file_settings import FileSettings

    return Provider("file", FileSettings, FileDiscovery)


@hookimpl
def lbdisc_registrar() -> "Provider[FileSettings, Registrar]":
    """A file in a folder of nodes."""
    from lbdisc.file_registrar import FileRegistrar
    from lbdisc.file_settings import FileSettings

    return Provider("file", FileSettings, FileRegistrar)
