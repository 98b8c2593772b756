"""lbdisc on doozer: doozerd where it is on the PATH, else a small server of its protocol."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from lbdisc.errors import LbdiscError
from lbdisc.testing.processes import Process
from lbdisc_compare.contenders.contender import Part, Promises
from lbdisc_compare.contenders.lbdisc_backing import Backing, NodeEntry
from lbdisc_compare.contenders.lbdisc_programs import haproxy_missing, lbdisc_versions, version_of
from lbdisc_compare.contenders.lbdisc_settings import SERVICE, WRITTEN_DOWN, Settings
from lbdisc_compare.contenders.lbdisc_way import LbdiscWay
from lbdisc_compare.contenders.programs import Program
from lbdisc_compare.hosts.host import Host, HostSet
from lbdisc_doozer.connection import DoozerConnection
from lbdisc_doozer.failures import DoozerFailure, NoSuchEntry
from lbdisc_doozer.messages import CLOBBER, Request, Verb
from lbdisc_doozer.record import path_of
from lbdisc_doozer.settings import DoozerSettings
from lbdisc_lab.servers import doozer
from lbdisc_lab.servers.doozer.registry import doozerd

TTL = 10.0  # seconds, the default of doozer.ttl
LOOK = 1.0  # seconds between two looks of a reader for who is silent, at the most
TIMEOUT = 3.0  # seconds for one request
HISTORY = 100_000  # revisions; with the default of 2,000 a full read of many thousands begins anew


class DoozerBacking:
    """One server, and a client whose records have no ttl."""

    def __init__(self, server: doozer.DoozerServer, host: Host) -> None:
        self._server = server
        self._settings = DoozerSettings(servers=(f"{server.address}:{server.port}",))
        self._connection: DoozerConnection | None = None
        self.parts: Sequence[Part] = (Program(host.name, host, self._process, server.start),)

    def _process(self) -> Process:
        return self._server.process

    def leader(self) -> Part | None:
        return None

    def agent_settings(self, host: Host) -> Settings:
        return {"backend": "doozer", **self._server.settings}

    def node_settings(self, name: str, host: Host) -> Settings:
        return {"backend": "doozer", **self._server.settings}

    def welcome(self, nodes: Mapping[str, Host]) -> None:
        """Nothing runs beside an app."""

    def put(self, entry: NodeEntry) -> None:
        self._ask(self._set(entry))

    def put_all(self, entries: Sequence[NodeEntry]) -> None:
        try:
            for answer in self._connected().ask_all(map(self._set, entries)):
                if isinstance(answer, DoozerFailure):
                    raise answer
        except DoozerFailure as failure:
            self.close()
            raise LbdiscError(f"doozer does not take many nodes: {failure}") from failure

    def _set(self, entry: NodeEntry) -> Request:
        value = json.dumps(entry.fields).encode()
        return Request(Verb.SET, self._path(entry.name), value, rev=CLOBBER)

    def remove(self, name: str) -> None:
        self._ask(Request(Verb.DEL, self._path(name), rev=CLOBBER))

    def _path(self, name: str) -> str:
        return path_of(self._settings, SERVICE, name)

    def _ask(self, request: Request) -> None:
        """Over the connection that is there, and if that fails once more over a new one."""
        for last in (False, True):
            try:
                self._connected().ask(request)
                return
            except NoSuchEntry:
                return  # deleted by the first try, whose answer was lost
            except DoozerFailure as failure:
                self.close()
                if last:
                    words = f"doozer does not take {request.path}: {failure}"
                    raise LbdiscError(words) from failure

    def _connected(self) -> DoozerConnection:
        if self._connection is None:
            (place,) = self._settings.places
            self._connection = DoozerConnection(place, self._settings, timeout=TIMEOUT)
            self._connection.begin()
        return self._connection

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


@contextmanager
def _open(hosts: HostSet) -> Iterator[Backing]:
    host = hosts.host("doozer0")
    with doozer.start(
        hosts.folder / "registry", program=doozerd(), machine=host, history=HISTORY
    ) as server:
        backing = DoozerBacking(server, host)
        try:
            yield backing
        finally:
            backing.close()


def _versions() -> dict[str, str]:
    found = doozerd()
    server = f"doozerd {version_of(str(found), '-v')}" if found else "lbdisc's own small server"
    return {**lbdisc_versions(), "doozer": server.strip()}


DOOZER = LbdiscWay(
    name="doozer",
    title="lbdisc, doozer's protocol",
    open=_open,
    settings={
        **WRITTEN_DOWN,
        "doozer.ttl": "10 s (default), a heartbeat every third of it",
        "server": "doozerd if it is on the PATH, else a server of its protocol of lbdisc's own: "
        "one process, no consensus, files kept over a restart",
        "-hist": f"{HISTORY} revisions",
    },
    lacks=haproxy_missing,
    runs=_versions,
    promises=Promises(
        servers="1 doozer (as run here; doozerd makes clusters)",
        ports="8046 to the server",
        quorum="none: without the server nothing is told, and nothing lost",
        clock="the reader's own monotonic clock, which runs while the store's revision moves",
        words="doozer has no leases: a registrar that crashed is left out by each reader when no "
        "heartbeat was seen for its ttl.",
        shows_in="crash",
        crash_bound=TTL + LOOK,
        crash_formula="doozer.ttl = 10 s after the last heartbeat, which comes every ttl / 3, and "
        "up to a second until the reader looks",
        crash_source="lbdisc, docs/doozer.md",
    ),
)
