"""HAProxy alone: it asks a name server for the servers of a ``server-template``."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lbdisc.haproxy.sockets.rows import ServerState as Row
from lbdisc_compare.contenders.contender import (
    Deployment,
    LiveNode,
    Missing,
    Promises,
    Seat,
    Size,
    Unable,
)
from lbdisc_compare.contenders.outside.deployment import OutsideDeployment
from lbdisc_compare.contenders.outside.haproxy import HaproxySeat, configuration, serves
from lbdisc_compare.contenders.outside.knot import (
    PORT,
    SERVICE,
    UDP_PAYLOAD,
    ZONE,
    ZoneConsole,
    ZoneUpdates,
    knot,
)
from lbdisc_compare.contenders.outside.parts import ProgramPart, WrittenNode, web_app
from lbdisc_compare.hosts.host import Host, HostSet
from lbdisc_compare.installing import absent_programs, version_of

SPARE = 140  # servers of the template beyond those that are in the zone when HAProxy starts
RECORD = 52  # bytes that a node takes in an answer: its SRV record and the address beside it
MANUAL = "HAProxy configuration manual 2.6, section 5.3 (Server IP address resolution using DNS)"


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsTuning:
    """What differs between HAProxy as its manual begins and HAProxy at its best.

    ``name_servers`` and ``resolvers`` are lines of the section; in the former, ``{}`` is the
    address and port.
    """

    name_servers: tuple[str, ...]
    payload: int  # bytes of an answer
    resolvers: tuple[str, ...]
    server: str  # words of the server-template
    best: bool  # retries and checks as lbdisc's template has them
    state_file: bool


DEFAULTS = DnsTuning(
    name_servers=("nameserver dns1 {}",),
    payload=UDP_PAYLOAD,
    resolvers=(),
    server="init-addr none check",
    best=False,
    state_file=False,
)
TUNED = DnsTuning(
    name_servers=("nameserver dns1 {}", "nameserver dns1-tcp tcp@{}"),
    payload=65535,
    resolvers=(
        "resolve_retries 3",
        "timeout resolve 10ms",
        "timeout retry 100ms",
        "hold valid 10ms",
        "hold obsolete 0s",
        "hold nx 30s",
        "hold other 1h",
        "hold refused 1h",
        "hold timeout 1h",
    ),
    server="init-addr none check",
    best=True,
    state_file=True,
)


class DnsContender:
    """``dns`` and ``dns-tuned``."""

    family: Literal["outsider"] = "outsider"

    def __init__(self, name: str, title: str, tuning: DnsTuning) -> None:
        self.name = name
        self.title = title
        self._tuning = tuning

    @property
    def promises(self) -> Promises:
        return Promises(
            servers="one name server, or several with the same zone",
            ports="53 (UDP and TCP); here 5353",
            quorum="none; one primary takes the changes",
            clock="none",
            words="a record that was removed is gone at the next answer (hold obsolete, 0 s); "
            "HAProxy asks every `timeout resolve` whatever the record's TTL; a node that crashes "
            "stays in the zone, only HAProxy's checks see it",
            shows_in="crash",
            crash_formula="never leaves the list: a record has no owner that has to be alive",
            crash_source=MANUAL,
        )

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            "resolvers": "; ".join(resolver_lines(self._tuning, "ADDRESS")),
            "server-template": f"of an SRV record, {self._tuning.server}",
            "checks": "as in lbdisc's template" if self._tuning.best else "HAProxy's defaults",
            "changes": "one knotc that stays; nodes register themselves by RFC 2136, TCP",
        }

    def missing(self) -> Sequence[Missing]:
        return absent_programs(
            Missing(program="haproxy", package="haproxy", source="debian"),
            Missing(program="knotd", package="knot", source="debian"),
        )

    def versions(self) -> Mapping[str, str]:
        return {"haproxy": version_of("haproxy", "-v"), "knot": version_of("knotd", "-V")}

    @contextmanager
    def deploy(self, hosts: HostSet, size: Size) -> Iterator[Deployment]:
        with DnsDeployment(hosts, size, self._tuning).opened() as deployment:
            yield deployment


class DnsDeployment(OutsideDeployment):
    """One name server, and HAProxies that ask it."""

    def __init__(self, hosts: HostSet, size: Size, tuning: DnsTuning) -> None:
        super().__init__(hosts, size)
        self._server = hosts.host("dns0")
        self._updates = ZoneUpdates(self._server.address)
        self._tuning = tuning
        self._weights: dict[str, int] = {}

    def begin(self) -> None:
        server = ProgramPart("dns0", self._server, knot(self._server, self.hosts.folder / "knot"))
        self.callback(server.kill)
        self.registry = (server,)
        server.start()
        self._console = ZoneConsole(self.hosts.folder / "knot")
        self.callback(self._console.close)

    def make_seat(self, host: Host) -> Seat:
        folder = self.hosts.folder / host.name
        folder.mkdir()
        file, socket = folder / "haproxy.cfg", folder / "haproxy.sock"
        state = folder / "haproxy.state"
        state.write_text("1\n")
        checks = self.size.checks
        slots = len(self._weights) + SPARE
        where = self._server.address
        file.write_text(dns_configuration(host, where, folder, self._tuning, slots, checks))
        process = host.process(
            *("haproxy", "-db", "-f", file), log=folder / "log", ready=lambda: serves(socket)
        )
        return HaproxySeat(host, socket, process, named=_named)

    def join(self, name: str, *, weight: int = 100) -> None:
        if name in self._weights:
            self.weigh(name, weight)
        else:
            self._console.add({name: self.place(name)}, weight)
            self._weights[name] = weight

    def weigh(self, name: str, weight: int) -> None:
        self._console.weigh(name, self.place(name)[1], self._weights[name], weight)
        self._weights[name] = weight

    def leave(self, name: str) -> None:
        self._console.remove(name, self.place(name)[1], self._weights.pop(name))

    def make_node(self, name: str, host: Host, port: int) -> LiveNode:
        """One that changes the zone itself, by updates."""
        app = web_app(name, host, port, self.node_folder(name))

        def write() -> None:
            self._updates.put(name, (host.address, port), 100, self._weights.get(name))
            self._weights[name] = 100

        def remove() -> None:
            self._updates.remove(name, port, self._weights.pop(name))

        return WrittenNode(name, host, app, write, remove)

    def join_all(self, names: Sequence[str]) -> None:
        most = self._tuning.payload // RECORD
        if len(self._weights) + len(names) > most:
            raise Unable(
                f"an answer of {self._tuning.payload} bytes, all that is accepted here, holds "
                f"about {most} nodes"
            )
        self._console.add({name: self.place(name) for name in names}, 100)
        self._weights |= dict.fromkeys(names, 100)


def resolver_lines(tuning: DnsTuning, where: str) -> tuple[str, ...]:
    """The lines of the ``resolvers`` section for the name server at ``where``."""
    servers = (line.format(where) for line in tuning.name_servers)
    return *servers, f"accepted_payload_size {tuning.payload}", *tuning.resolvers


def dns_configuration(
    host: Host, name_server: str, folder: Path, tuning: DnsTuning, slots: int, checks: bool
) -> str:
    """HAProxy's file for a balancer on ``host``, whose files are in ``folder``."""
    words = tuning.server if checks else tuning.server.replace(" check", "")
    lines = resolver_lines(tuning, f"{name_server}:{PORT}")
    state = f"    server-state-file {folder}/haproxy.state\n" if tuning.state_file else ""
    return configuration(
        host,
        folder / "haproxy.sock",
        servers=f"    server-template node {slots} {SERVICE}.{ZONE} resolvers dns "
        f"resolve-prefer ipv4 {words}",
        checks=checks,
        best=tuning.best,
        more_global=state,
        more_defaults="    load-server-state-from-file global\n" if state else "",
        more_sections="resolvers dns\n" + "".join(f"    {line}\n" for line in lines),
    )


def _named(row: Row) -> str:
    return row.fqdn.removesuffix(f".{ZONE}") if row.fqdn != "-" else ""
