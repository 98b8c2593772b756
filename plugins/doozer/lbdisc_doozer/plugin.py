"""The hooks of lbdisc-doozer. Everything heavy is imported when it is needed, not before."""

from typing import TYPE_CHECKING

from lbdisc.hooks import Discovery, Provider, Registrar, hookimpl

if TYPE_CHECKING:
    from lbdisc_doozer.settings import DoozerSettings


@hookimpl
def lbdisc_discovery() -> "Provider[DoozerSettings, Discovery]":
    """Discovery ``doozer``."""
    from lbdisc_doozer.settings import DoozerSettings

    return Provider("doozer", DoozerSettings, _discovery)


@hookimpl
def lbdisc_registrar() -> "Provider[DoozerSettings, Registrar]":
    """Registrar ``doozer``."""
    from lbdisc_doozer.settings import DoozerSettings

    return Provider("doozer", DoozerSettings, _registrar)


def _discovery(settings: "DoozerSettings") -> Discovery:
    from lbdisc_doozer.discovery import DoozerDiscovery

    return DoozerDiscovery(settings)


def _registrar(settings: "DoozerSettings") -> Registrar:
    from lbdisc_doozer.registrar import DoozerRegistrar

    return DoozerRegistrar(settings)
