"""One real etcd on a host of its own, as a part of a deployment."""

from collections.abc import Sequence
from contextlib import ExitStack

from lbdisc.testing.processes import Process
from lbdisc_compare.contenders.contender import Part
from lbdisc_compare.contenders.programs import Program
from lbdisc_compare.hosts.host import HostSet
from lbdisc_lab.servers import etcd


def etcd_on(hosts: HostSet, until: ExitStack) -> tuple[Sequence[Part], Sequence[str]]:
    """Start it until the end of ``until``; returns the server as a part, and its URLs."""
    host = hosts.host("etcd0")
    cluster = until.enter_context(etcd.start(hosts.folder / "registry", machines=[host]))
    server = cluster.servers[0]

    def process() -> Process:
        assert server.process is not None
        return server.process

    return (Program(server.name, host, process, cluster.start),), (server.url,)
