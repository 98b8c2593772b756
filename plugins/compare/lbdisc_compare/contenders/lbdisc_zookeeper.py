"""lbdisc on ZooKeeper, alone and as an ensemble of three."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NodeExistsError, NoNodeError

from lbdisc.errors import LbdiscError
from lbdisc.testing.processes import Process
from lbdisc_compare.contenders.contender import Missing, Part, Promises
from lbdisc_compare.contenders.lbdisc_backing import Backing, NodeEntry
from lbdisc_compare.contenders.lbdisc_programs import (
    debian_version,
    haproxy_missing,
    lbdisc_versions,
    missing,
)
from lbdisc_compare.contenders.lbdisc_settings import SERVICE, WRITTEN_DOWN, Settings
from lbdisc_compare.contenders.lbdisc_way import LbdiscWay
from lbdisc_compare.contenders.programs import Program
from lbdisc_compare.hosts.host import Host, HostSet
from lbdisc_lab.servers import zookeeper

TICK = 2.0  # seconds, as in ZooKeeper's own example of a configuration
SESSION = 10.0  # seconds, the default of zookeeper.session_timeout; at least two ticks
PATIENCE = 10.0  # seconds that the client tries


class ZooKeeperBacking:
    """An ensemble of real servers, and a client whose nodes outlive it."""

    def __init__(self, ensemble: zookeeper.ZooKeeperEnsemble, hosts: Sequence[Host]) -> None:
        self._ensemble = ensemble
        self._client: Any = KazooClient(
            hosts=",".join(ensemble.hosts),
            timeout=SESSION,
            connection_retry={"max_tries": -1, "delay": 0.01, "max_delay": 0.2},
            command_retry={"max_tries": -1, "delay": 0.01, "deadline": PATIENCE},
        )
        self._client.start(timeout=PATIENCE)
        self._client.ensure_path(f"/lbdisc/{SERVICE}")
        self.parts: Sequence[Part] = [self._part(n, host) for n, host in enumerate(hosts)]

    def _part(self, number: int, host: Host) -> Part:
        def process() -> Process:
            return self._ensemble.members[number]

        return Program(host.name, host, process, lambda: self._begin(number))

    def _begin(self, number: int) -> None:
        """Returns once it serves; without a majority none can, so the first ones just run."""
        self._ensemble.launch(number)
        running = sum(member.running for member in self._ensemble.members)
        if 2 * running > len(self.parts):
            self._ensemble.wait_ready(number)

    def leader(self) -> Part | None:
        return self.parts[self._ensemble.leader()] if len(self.parts) > 1 else None

    def agent_settings(self, host: Host) -> Settings:
        return {"backend": "zookeeper", "zookeeper.hosts": self._ensemble.hosts}

    def node_settings(self, name: str, host: Host) -> Settings:
        return {"backend": "zookeeper", "zookeeper.hosts": self._ensemble.hosts}

    def welcome(self, nodes: Mapping[str, Host]) -> None:
        """Nothing runs beside an app."""

    def put(self, entry: NodeEntry) -> None:
        with _told(f"write {entry.name}"):
            self._put(_path(entry.name), json.dumps(entry.fields).encode())

    def _put(self, path: str, record: bytes) -> None:
        try:
            self._client.retry(self._client.create, path, record)
        except NodeExistsError:
            self._client.retry(self._client.set, path, record)

    def put_all(self, entries: Sequence[NodeEntry]) -> None:
        with _told("write many nodes"):
            waiting = [
                self._client.create_async(_path(each.name), json.dumps(each.fields).encode())
                for each in entries
            ]
            for answer in waiting:
                answer.get(timeout=PATIENCE)

    def remove(self, name: str) -> None:
        # A first try may have got through and lost its answer.
        with _told(f"remove {name}"), suppress(NoNodeError):
            self._client.retry(self._client.delete, _path(name))

    def close(self) -> None:
        self._client.stop()
        self._client.close()


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Raises ``LbdiscError`` for kazoo's errors, its time-outs among them."""
    try:
        yield
    except (KazooException, TimeoutError) as error:
        said = str(error) or type(error).__name__
        raise LbdiscError(f"ZooKeeper does not let the client {what}: {said}") from error


def _path(name: str) -> str:
    return f"/lbdisc/{SERVICE}/{name}"


def opening(members: int) -> Callable[[HostSet], AbstractContextManager[Backing]]:
    """Starts ``members`` servers, each on a host of its own, as a user's configuration has them."""

    @contextmanager
    def opened(hosts: HostSet) -> Iterator[Backing]:
        chosen = [hosts.host(f"zookeeper{number}") for number in range(members)]
        ensemble = zookeeper.start(
            hosts.folder / "registry",
            tick=TICK,
            session_timeout=SESSION,
            config=("initLimit=10", "syncLimit=5"),
            properties=("zookeeper.forceSync=yes",),
            machines=chosen,
        )
        with ensemble:
            backing = ZooKeeperBacking(ensemble, chosen)
            try:
                yield backing
            finally:
                backing.close()

    return opened


def _missing() -> Sequence[Missing]:
    jar = zookeeper.JARS / "zookeeper.jar"
    package = Missing(program=str(jar), package="zookeeper", source="debian")
    return (
        *haproxy_missing(),
        *missing("java", "default-jre-headless"),
        *(() if jar.exists() else (package,)),
    )


def _versions() -> dict[str, str]:
    return {**lbdisc_versions(), "zookeeper": debian_version("libzookeeper-java")}


SETTINGS = {
    **WRITTEN_DOWN,
    "zookeeper.session_timeout": "10 s (default), pinged every third of it",
    "zoo.cfg": "tickTime=2000, initLimit=10, syncLimit=5, fsync as it comes",
}


def _promises(members: int) -> Promises:
    many = members > 1
    election = "; after an election all sessions have their whole time again" if many else ""
    return Promises(
        servers=f"{members} ZooKeeper (Java)" if many else "1 ZooKeeper (Java)",
        ports="2181 to the servers, 2888 and 3888 between them" if many else "2181 to the server",
        quorum="2 of 3" if many else "none: without the server nothing is told, and nothing lost",
        clock="intervals of the servers' own clocks; none is compared with another's",
        words=f"A registrar that crashed is out when its session ends{election}.",
        shows_in="crash",
        crash_bound=SESSION + TICK,
        crash_formula="session_timeout = 10 s after the last ping (the server bounds it to 2 to 20 "
        "ticks), and at most one tick of 2 s, as sessions end together at multiples of it",
        crash_source="ZooKeeper Programmer's Guide, ZooKeeper Sessions; ExpiryQueue.java",
    )


def _way(name: str, title: str, members: int) -> LbdiscWay:
    return LbdiscWay(
        name=name,
        title=title,
        open=opening(members),
        promises=_promises(members),
        settings=SETTINGS,
        lacks=_missing,
        runs=_versions,
    )


ZOOKEEPER = _way("zookeeper", "lbdisc, ZooKeeper", 1)
ZOOKEEPER_3 = _way("zookeeper-3", "lbdisc, ZooKeeper (3 servers)", 3)
