"""The hooks of lbdisc-zookeeper. What is heavy is imported when it is needed."""

from typing import TYPE_CHECKING

from lbdisc.hooks import Discovery, Provider, Registrar, hookimpl

if TYPE_CHECKING:
    from lbdisc_zookeeper.settings import ZooKeeperSettings


@hookimpl
def lbdisc_discovery() -> "Provider[ZooKeeperSettings, Discovery]":
    from lbdisc_zookeeper.settings import ZooKeeperSettings

    return Provider("zookeeper", ZooKeeperSettings, _discovery)


@hookimpl
def lbdisc_registrar() -> "Provider[ZooKeeperSettings, Registrar]":
    from lbdisc_zookeeper.settings import ZooKeeperSettings

    return Provider("zookeeper", ZooKeeperSettings, _registrar)


def _discovery(settings: "ZooKeeperSettings") -> Discovery:
    from lbdisc_zookeeper.discovery import ZooKeeperDiscovery

    return ZooKeeperDiscovery(settings)


def _registrar(settings: "ZooKeeperSettings") -> Registrar:
    from lbdisc_zookeeper.registrar import ZooKeeperRegistrar

    return ZooKeeperRegistrar(settings)
