"""The hooks of lbdisc-serf. What is heavy is imported when it is needed."""

from typing import TYPE_CHECKING

from lbdisc.hooks import Discovery, Provider, Registrar, hookimpl

if TYPE_CHECKING:
    from lbdisc_serf.settings import SerfSettings

NAME = "serf"


@hookimpl
def lbdisc_discovery() -> "Provider[SerfSettings, Discovery]":
    from lbdisc_serf.settings import SerfSettings

    return Provider(NAME, SerfSettings, _discovery)


@hookimpl
def lbdisc_registrar() -> "Provider[SerfSettings, Registrar]":
    from lbdisc_serf.settings import SerfSettings

    return Provider(NAME, SerfSettings, _registrar)


def _discovery(settings: "SerfSettings") -> Discovery:
    from lbdisc_serf.discovery import SerfDiscovery

    return SerfDiscovery(settings)


def _registrar(settings: "SerfSettings") -> Registrar:
    from lbdisc_serf.registrar import SerfRegistrar

    return SerfRegistrar(settings)
