"""confd on lbdisc's own records in etcd: a file written from a template, and a hitless reload."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from lbdisc.haproxy.sockets.rows import ServerState as Row
from lbdisc_compare.contenders import lbdisc_settings
from lbdisc_compare.contenders.contender import (
    Deployment,
    LiveNode,
    Missing,
    Part,
    Promises,
    Seat,
    Size,
)
from lbdisc_compare.contenders.etcd_client import EtcdClient
from lbdisc_compare.contenders.lbdisc_node import RegisteredNode
from lbdisc_compare.contenders.outside.deployment import OutsideDeployment
from lbdisc_compare.contenders.outside.etcd_server import etcd_on
from lbdisc_compare.contenders.outside.haproxy import HaproxySeat, configuration, serves
from lbdisc_compare.contenders.outside.parts import ProgramPart
from lbdisc_compare.hosts.host import Host, HostSet
from lbdisc_compare.installing import absent_programs, needed, version_of

PREFIX = f"/lbdisc/{lbdisc_settings.SERVICE}"
SERVERS = (
    '{{range gets "' + PREFIX + '/*"}}{{$e := json .Value}}'
    "    server {{base .Key}} {{$e.address}}:{{$e.port}} CHECK weight "
    '{{if eq (printf "%v" $e.state) "draining"}}0'
    '{{else if eq (printf "%v" $e.weight) "<nil>"}}100{{else}}{{$e.weight}}{{end}}\n{{end}}'
)
RESOURCE = """[template]
src = "haproxy.tmpl"
dest = "{folder}/haproxy.cfg"
keys = ["{prefix}"]
check_cmd = "haproxy -c -f {{{{.src}}}}"
reload_cmd = "{reload}"
"""


class ConfdContender:
    name = "confd"
    title = "confd, etcd"
    family: Literal["outsider"] = "outsider"

    @property
    def promises(self) -> Promises:
        return Promises(
            servers="1 etcd",
            ports="2379 to the server",
            quorum="none: without the server nothing is told, and nothing lost",
            clock="intervals of the server's own clock",
            words="a key under a lease is gone when the lease ends; each change is a reload; one "
            "that failed is not tried again before the next change",
            shows_in="crash",
            crash_bound=11.0,
            crash_formula="etcd.ttl = 10 s after the last renewal, which comes every third of it; "
            "etcd looks for ended leases every 0.5 s",
            crash_source="etcd, Documentation: Learning, etcd v3 API (lease); confd, docs: "
            "template resources",
        )

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            "confd": "-watch -backend etcdv3, one template resource",
            "check_cmd": "haproxy -c",
            "reload_cmd": "states of servers into their file, then reload at the master socket",
            "checks": "as in lbdisc's template",
            "registrar": "lbdisc register, whose records confd reads; etcd.ttl 10 s (default)",
        }

    def missing(self) -> Sequence[Missing]:
        return absent_programs(
            Missing(program="confd"),
            Missing(program="haproxy", package="haproxy", source="debian"),
            Missing(program="etcd", package="etcd-server", source="debian"),
            Missing(program="etcdctl", package="etcd-client", source="debian"),
            Missing(program="socat", package="socat", source="debian"),
        )

    def versions(self) -> Mapping[str, str]:
        return {
            "confd": version_of("confd", "-version").removeprefix("confd "),
            "haproxy": version_of("haproxy", "-v"),
            "etcd": version_of("etcd", "--version").rpartition(" ")[2],
        }

    @contextmanager
    def deploy(self, hosts: HostSet, size: Size) -> Iterator[Deployment]:
        with ConfdDeployment(hosts, size).opened() as deployment:
            yield deployment


class ConfdSeat(HaproxySeat):
    """A HAProxy, and the confd that reloads it."""

    def __init__(self, host: Host, folder: Path, urls: Sequence[str], *, checks: bool) -> None:
        write_confd(host, folder, checks=checks)
        socket, file = folder / "haproxy.sock", folder / "haproxy.cfg"
        haproxy = host.process(
            *("haproxy", "-W", "-db", "-S", folder / "master.sock", "-f", file),
            log=folder / "haproxy.log",
            ready=lambda: serves(socket),
        )
        nodes = [word for url in urls for word in ("-node", url)]
        where = ("-confdir", folder / "confd", *nodes)
        confd = host.process(
            *(needed("confd"), "-watch", "-backend", "etcdv3", *map(str, where)),
            log=folder / "confd.log",
        )
        super().__init__(host, socket, haproxy, confd, named=_named)
        self.steering: Sequence[Part] = (ProgramPart(f"{host.name} confd", host, confd),)


def _named(row: Row) -> str:
    return row.server


def write_confd(host: Host, folder: Path, *, checks: bool) -> None:
    """confd's files in ``folder``, and HAProxy's first one, without servers."""
    for name in ("conf.d", "templates"):
        (folder / "confd" / name).mkdir(parents=True)
    socket, state = folder / "haproxy.sock", folder / "haproxy.state"
    state.write_text("1\n")
    dump = f"echo show servers state | socat - UNIX-CONNECT:{socket} >{state}"
    # SIGUSR2, as the distribution's unit sends it, is lost while the master executes itself anew:
    # after a burst of ten joins HAProxy 2.6 was a change behind in three of four runs. The socket
    # refuses connections meanwhile, which can be seen, and tried again.
    patient = "retry=100,interval=0.05"
    reload = f"{dump}; echo reload | socat - UNIX-CONNECT:{folder}/master.sock,{patient}"
    resource = RESOURCE.format(folder=folder, prefix=PREFIX, reload=reload)
    (folder / "confd" / "conf.d" / "haproxy.toml").write_text(resource)
    text = configuration(
        host,
        socket,
        servers=SERVERS.replace(" CHECK", " check" if checks else ""),
        checks=checks,
        best=True,
        more_global=f"    server-state-file {state}\n    hard-stop-after 24h\n",
        more_defaults="    load-server-state-from-file global\n",
    )
    (folder / "confd" / "templates" / "haproxy.tmpl").write_text(text)
    (folder / "haproxy.cfg").write_text(text.partition("{{range")[0] + "\n")


class ConfdDeployment(OutsideDeployment):
    """One etcd, and HAProxies that confd looks after; nodes have ``lbdisc register``."""

    def __init__(self, hosts: HostSet, size: Size) -> None:
        super().__init__(hosts, size)
        self._weights: dict[str, int] = {}

    def begin(self) -> None:
        self.registry, self._urls = etcd_on(self.hosts, self)
        self._client = EtcdClient(self._urls)
        self.callback(self._client.close)

    def make_seat(self, host: Host) -> Seat:
        folder = self.hosts.folder / host.name
        return ConfdSeat(host, folder, self._urls, checks=self.size.checks)

    def _record(self, name: str, weight: int, state: str = "ready") -> Mapping[str, object]:
        address, port = self.place(name)
        self._weights[name] = weight
        return {"address": address, "port": port, "weight": weight, "state": state}

    def join(self, name: str, *, weight: int = 100) -> None:
        self._client.put(f"{PREFIX}/{name}", self._record(name, weight))

    def join_all(self, names: Sequence[str]) -> None:
        self._client.put_all({f"{PREFIX}/{name}": self._record(name, 100) for name in names})

    def weigh(self, name: str, weight: int) -> None:
        self.join(name, weight=weight)

    def leave(self, name: str) -> None:
        """Draining, then gone, as ``lbdisc register`` does it."""
        self._client.put(f"{PREFIX}/{name}", self._record(name, self._weights[name], "draining"))
        self._client.delete(f"{PREFIX}/{name}")

    def make_node(self, name: str, host: Host, port: int) -> LiveNode:
        folder = self.node_folder(name)
        backing = {"backend": "etcd", "etcd.endpoints": list(self._urls)}
        settings = lbdisc_settings.node_settings(folder / "state", name, host, port, backing)
        file = lbdisc_settings.write(folder / "lbdisc.toml", settings)
        return RegisteredNode(name, host, port, file)
