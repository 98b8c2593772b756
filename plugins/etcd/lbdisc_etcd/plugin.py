"""The hooks of lbdisc-etcd. Everything heavy is imported when it is needed, not before."""

from typing import TYPE_CHECKING

from lbdisc.hooks import Discovery, Provider, Registrar, hookimpl

if TYPE_CHECKING:
    from lbdisc_etcd.settings import EtcdSettings


@hookimpl
def lbdisc_discovery() -> "Provider[EtcdSettings, Discovery]":
    """Discovery ``etcd``."""
    from lbdisc_etcd.settings import EtcdSettings

    return Provider("etcd", EtcdSettings, _discovery)


@hookimpl
def lbdisc_registrar() -> "Provider[EtcdSettings, Registrar]":
    """Registrar ``etcd``."""
    from lbdisc_etcd.settings import EtcdSettings

    return Provider("etcd", EtcdSettings, _registrar)


def _discovery(settings: "EtcdSettings") -> Discovery:
    from lbdisc_etcd.discovery import EtcdDiscovery

    return EtcdDiscovery(settings)


def _registrar(settings: "EtcdSettings") -> Registrar:
    from lbdisc_etcd.registrar import EtcdRegistrar

    return EtcdRegistrar(settings)
