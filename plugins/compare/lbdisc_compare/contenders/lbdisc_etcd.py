"""lbdisc on etcd, alone and as a cluster of three."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from lbdisc.testing.processes import Process
from lbdisc_compare.contenders.contender import Missing, Part, Promises
from lbdisc_compare.contenders.etcd_client import EtcdClient
from lbdisc_compare.contenders.lbdisc_backing import Backing, NodeEntry
from lbdisc_compare.contenders.lbdisc_programs import (
    haproxy_missing,
    lbdisc_versions,
    missing,
    version_of,
)
from lbdisc_compare.contenders.lbdisc_settings import SERVICE, WRITTEN_DOWN, Settings
from lbdisc_compare.contenders.lbdisc_way import LbdiscWay
from lbdisc_compare.contenders.programs import Program
from lbdisc_compare.hosts.host import Host, HostSet
from lbdisc_lab.servers import etcd

TTL = 10.0  # seconds, the default of etcd.ttl
REVOKING = 1.0  # seconds; the lessor looks every 0.5 s, then a revocation goes through the log


class EtcdBacking:
    """A cluster of real servers, and a client of its JSON gateway."""

    def __init__(self, cluster: etcd.EtcdCluster, hosts: Sequence[Host]) -> None:
        self._cluster = cluster
        self._client = EtcdClient([server.url for server in cluster.servers])
        self.parts: Sequence[Part] = [self._part(n, host) for n, host in enumerate(hosts)]

    def _part(self, number: int, host: Host) -> Part:
        server = self._cluster.servers[number]

        def process() -> Process:
            assert server.process is not None
            return server.process

        return Program(server.name, host, process, lambda: self._begin(number))

    def _begin(self, number: int) -> None:
        """Returns once it serves; without a majority none can, so the first ones just run."""
        running = sum(server.running for server in self._cluster.servers) + 1
        if 2 * running > len(self.parts):
            self._cluster.start(number)
        else:
            self._cluster.launch(number)

    def leader(self) -> Part | None:
        return self.parts[self._cluster.leader()] if len(self.parts) > 1 else None

    def agent_settings(self, host: Host) -> Settings:
        return {"backend": "etcd", **self._cluster.settings}

    def node_settings(self, name: str, host: Host) -> Settings:
        return {"backend": "etcd", **self._cluster.settings}

    def welcome(self, nodes: Mapping[str, Host]) -> None:
        """Nothing runs beside an app."""

    def put(self, entry: NodeEntry) -> None:
        self._client.put(_key(entry.name), entry.fields)

    def put_all(self, entries: Sequence[NodeEntry]) -> None:
        self._client.put_all({_key(entry.name): entry.fields for entry in entries})

    def remove(self, name: str) -> None:
        self._client.delete(_key(name))

    def close(self) -> None:
        self._client.close()


def _key(name: str) -> str:
    return f"/lbdisc/{SERVICE}/{name}"


def opening(members: int) -> Callable[[HostSet], AbstractContextManager[Backing]]:
    """Starts a cluster of ``members``, each on a host of its own."""

    @contextmanager
    def opened(hosts: HostSet) -> Iterator[Backing]:
        chosen = [hosts.host(f"etcd{number}") for number in range(members)]
        with etcd.start(hosts.folder / "registry", machines=chosen) as cluster:
            backing = EtcdBacking(cluster, chosen)
            try:
                yield backing
            finally:
                backing.close()

    return opened


def _missing() -> Sequence[Missing]:
    return (
        *haproxy_missing(),
        *missing("etcd", "etcd-server"),
        *missing("etcdctl", "etcd-client"),
    )


def _versions() -> dict[str, str]:
    return {**lbdisc_versions(), "etcd": version_of("etcd", "--version")}


SETTINGS = {**WRITTEN_DOWN, "etcd.ttl": "10 s (default), renewed every third of it"}


def _promises(members: int) -> Promises:
    many = members > 1
    election = (
        "; a new leader gives all leases their whole time again, and an election's time-out (1 s)"
        if many
        else ""
    )
    return Promises(
        servers=f"{members} etcd" if many else "1 etcd",
        ports="2379 to the servers, 2380 between them" if many else "2379 to the server",
        quorum="2 of 3" if many else "none: without the server nothing is told, and nothing lost",
        clock="intervals of the servers' own clocks; none is compared with another's",
        words=f"A registrar that crashed is out when its lease ends{election}.",
        shows_in="crash",
        crash_bound=TTL + REVOKING,
        crash_formula="etcd.ttl = 10 s after the last renewal, which comes every ttl / 3; the "
        "leader looks for ended leases every 0.5 s and revokes them by consensus",
        crash_source="etcd documentation, etcd API (Lease API); lessor.go (expiry, Promote)",
    )


def etcd_way(name: str, title: str, members: int) -> LbdiscWay:
    return LbdiscWay(
        name=name,
        title=title,
        open=opening(members),
        promises=_promises(members),
        settings=SETTINGS,
        lacks=_missing,
        runs=_versions,
    )


ETCD = etcd_way("etcd", "lbdisc, etcd", 1)
ETCD_3 = etcd_way("etcd-3", "lbdisc, etcd (3 servers)", 3)
ETCD_RELOAD = LbdiscWay(
    name="etcd-reload",
    title="lbdisc, etcd, reloads only",
    open=opening(1),
    promises=_promises(1),
    settings={**SETTINGS, "haproxy.runtime": "false: each change is a hitless reload"},
    lacks=_missing,
    runs=_versions,
    own={"haproxy.runtime": False},
)
