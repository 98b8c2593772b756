"""consul-template, which this comparison names and does not run: no registry has it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal

from lbdisc_compare.contenders.contender import Deployment, Missing, Promises, Size, Unable
from lbdisc_compare.hosts.host import HostSet
from lbdisc_compare.installing import absent_programs

WHY = "consul-template needs Consul; neither is packed by a registry, so no deployment was written"


class ConsulTemplateContender:
    name = "consul-template"
    title = "consul-template, Consul"
    family: Literal["outsider"] = "outsider"
    settings: Mapping[str, str] = {}

    @property
    def promises(self) -> Promises:
        return Promises(
            servers="Consul: 1, or 3",
            ports="8300, 8301 (TCP, UDP), 8500",
            quorum="2 of 3 servers",
            clock="none",
            words="not run here",
            shows_in="",
        )

    def missing(self) -> Sequence[Missing]:
        absent = absent_programs(Missing(program="consul"), Missing(program="consul-template"))
        return absent or (Missing(program="a deployment of consul-template"),)

    def versions(self) -> Mapping[str, str]:
        return {}

    def deploy(self, hosts: HostSet, size: Size) -> AbstractContextManager[Deployment]:
        raise Unable(WHY)
