"""The hooks of lbdisc-zookeeper."""

from typing import TYPE_CHECKING

from lbdisc.hooks import Discovery, Provider, Registrar, hookimpl

if TYPE_CHECKING:
    from lbdisc_zookeeper.settings import ZooKeeperSettings


@hookimpl
def lbdisc_discovery() -> "Provider[ZooKeeperSettings, Discovery]":
    from lbdisc_zookeeper.discovery import ZooKeeperDiscovery
    from lbdisc_zookeeper.settings import ZooKeeperSettings

    return Provider("zookeeper", ZooKeeperSettings, ZooKeeperDiscovery)


@hookimpl
def lbdisc_registrar() -> "Provider[ZooKeeperSettings, Registrar]":
    from lbdisc_zookeeper.registrar import ZooKeeperRegistrar
    from lbdisc_zookeeper.settings import ZooKeeperSettings

    return Provider("zookeeper", ZooKeeperSettings, ZooKeeperRegistrar)
