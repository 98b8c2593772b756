"""The ways to get a node from a registry into HAProxy, all with the same moves."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from benchmarks.agents import Agent
from benchmarks.servers import EtcdWriter, address
from lbdisc.builtin.jinja2.renderer import JinjaRenderer, JinjaSettings
from lbdisc.haproxy.errors import Unreachable
from lbdisc.haproxy.process.managed import Managed
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint, Snapshot
from lbdisc_lab.servers import etcd

RELOAD_PAUSE = (
    1.2  # seconds; agent.min_reload_interval is 1 s, and one change shall not wait for it
)


@dataclass(frozen=True)
class Way:
    """A balancer at ``port``.

    ``join(name, port)`` and ``leave(name, port)`` return once the registry has been told.
    ``reloads`` counts HAProxy's since its start. ``pause`` is to be left between two changes where
    each is measured by itself.
    """

    port: int
    join: Callable[[str, int], None]
    leave: Callable[[str, int], None]
    reloads: Callable[[], int]
    pause: float = 0.3


Base = Mapping[str, int]
Maker = Callable[[Path, Base], AbstractContextManager[Way]]


@contextmanager
def lbdisc_runtime(folder: Path, base: Base) -> Iterator[Way]:
    """lbdisc as it comes: server changes through the runtime socket."""
    with _etcd_agent(folder, base, {}) as (agent, writer):
        yield Way(agent.port, writer.put, writer.leave, lambda: agent.processes().reloads)


@contextmanager
def lbdisc_reload(folder: Path, base: Base) -> Iterator[Way]:
    """lbdisc with ``haproxy.runtime = false``: a hitless reload for each quiet time."""
    with _etcd_agent(folder, base, {"haproxy.runtime": False}) as (agent, writer):
        yield Way(
            agent.port,
            writer.put,
            writer.leave,
            lambda: agent.processes().reloads,
            pause=RELOAD_PAUSE,
        )


@contextmanager
def lbdisc_file(folder: Path, base: Base) -> Iterator[Way]:
    """lbdisc on a folder of node files, at run time."""
    nodes = folder / "nodes"
    nodes.mkdir(parents=True)
    write, remove = node_files(nodes)
    for name, port in base.items():
        write(name, port)
    with Agent(folder, "file", {"file.dir": str(nodes)}) as agent:
        agent.start().until(len(base))
        yield Way(agent.port, write, remove, lambda: agent.processes().reloads)


def node_files(nodes: Path) -> tuple[Callable[[str, int], None], Callable[[str, int], None]]:
    """How to put a node's file into place, and how to remove it; ``api/a1`` is of service api."""

    def write(name: str, port: int) -> None:
        path = nodes / name
        path.parent.mkdir(exist_ok=True)
        hidden = path.with_name(f".{path.name}.tmp")
        hidden.write_text(f"{path.name} {address(name, port)} {port}\n")
        hidden.rename(path)

    def remove(name: str, port: int) -> None:
        (nodes / name).unlink()

    return write, remove


@contextmanager
def _etcd_agent(
    folder: Path, base: Base, settings: Mapping[str, object]
) -> Iterator[tuple[Agent, EtcdWriter]]:
    with etcd.start(folder / "etcd") as registry:
        writer = EtcdWriter(registry.servers[0].url)
        writer.put_all(base)
        with Agent(folder, "etcd", {**registry.settings, **settings}) as agent:
            agent.start().until(len(base))
            yield agent, writer


@contextmanager
def floor(folder: Path, base: Base) -> Iterator[Way]:
    """``etcdctl watch`` read by a loop that knows three commands: no file, no check, no repair."""
    with etcd.start(folder / "etcd") as registry, _haproxy(folder, base) as (port, managed):
        url = registry.servers[0].url
        writer = EtcdWriter(url)
        command = ["etcdctl", f"--endpoints={url}", "watch", "--prefix", "/lbdisc/"]
        watch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        ready = Event()
        arguments = (watch, folder / "state" / "haproxy.sock", ready)
        feeder = Thread(target=_feed, args=arguments, daemon=True)
        feeder.start()
        try:
            while not ready.wait(0.02):  # etcdctl tells of nothing that was before it
                writer.put("ready", 1)
            yield Way(port, writer.put, writer.delete, lambda: managed.master.processes().reloads)
        finally:
            watch.kill()
            watch.wait()
            feeder.join()


def _feed(watch: "subprocess.Popen[str]", socket_path: Path, ready: Event) -> None:
    assert watch.stdout is not None
    with Runtime(str(socket_path)) as runtime:
        while kind := watch.stdout.readline().strip():
            name = watch.stdout.readline().strip().rpartition("/")[2]
            record = watch.stdout.readline()
            if name == "ready":
                ready.set()
            elif kind == "PUT":
                at = json.loads(record)
                where = f"{at['address']}:{at['port']} check inter 1s weight 100"
                words = (f"add server nodes/{name} {where}", f"enable health nodes/{name}")
                runtime.ask_all([*words, f"enable server nodes/{name}"])
            else:
                runtime.ask_all([f"set server nodes/{name} state maint"])


@contextmanager
def confd(folder: Path, base: Base) -> Iterator[Way]:
    """``confd -watch`` with ``haproxy -c`` and a hitless reload by SIGUSR2."""
    # HAProxy starts without servers: confd's first rendering differs, a reload tells.
    with etcd.start(folder / "etcd") as registry, _haproxy(folder, {}) as (port, managed):
        writer = EtcdWriter(registry.servers[0].url)
        writer.put_all(base)
        process = Process(
            _confd(folder, registry.servers[0].url, managed), log=folder / "confd.log"
        )
        with process:
            eventually(lambda: _reloads(managed), what="confd's first reload")
            yield Way(port, writer.put, writer.delete, lambda: _reloads(managed))


def _reloads(managed: Managed) -> int:
    """How often HAProxy was reloaded; the master does not answer while it starts itself anew."""
    while True:
        with suppress(Unreachable):
            return managed.master.processes().reloads
        time.sleep(0.01)


def has_confd() -> bool:
    return shutil.which("confd") is not None


def _confd(folder: Path, url: str, managed: Managed) -> list[str]:
    """The command of confd, with its files in place."""
    for name in ("conf.d", "templates"):
        (folder / "confd" / name).mkdir(parents=True)
    (folder / "confd" / "conf.d" / "haproxy.toml").write_text(
        f'[template]\nsrc = "haproxy.tmpl"\ndest = "{managed.config}"\nkeys = ["/lbdisc/nodes"]\n'
        f'check_cmd = "haproxy -c -f {{{{.src}}}}"\nreload_cmd = "kill -USR2 {managed.pid}"\n'
    )
    servers_of = (
        '{{range gets "/lbdisc/nodes/*"}}{{$e := json .Value}}'
        "    server {{base .Key}} {{$e.address}}:{{$e.port}} check weight 100\n{{end}}"
    )
    head = managed.config.read_text().partition("    server ")[0]
    (folder / "confd" / "templates" / "haproxy.tmpl").write_text(head + servers_of)
    where = ["-confdir", str(folder / "confd"), "-node", url]
    return ["confd", "-watch", "-backend", "etcdv3", *where]


@contextmanager
def _haproxy(folder: Path, base: Base) -> Iterator[tuple[int, Managed]]:
    """A HAProxy on lbdisc's own template, which nobody looks after."""
    state, port = folder / "state", free_port()
    state.mkdir()
    (state / "haproxy.state").write_text("1\n")
    config = state / "haproxy.cfg"
    config.write_text(rendered(state, port, base))
    managed = Managed(binary="haproxy", config=config, master=state / "master.sock")
    managed.start(runtime=str(state / "haproxy.sock"))
    try:
        yield port, managed
    finally:
        managed.stop(soft=0, limit=5)


def rendered(state: Path, port: int, base: Base, **variables: object) -> str:
    """The default template with the servers of ``base``."""
    own: dict[str, object] = {"http_bind": f"127.0.0.1:{port}", "check": "HEAD /"}
    own |= {"stats_bind": "", "cli_bind": "", **variables}
    settings = JinjaSettings(services=("nodes",), state_dir=state, vars=own)
    endpoints = (
        Endpoint(service="nodes", name=name, address=address(name, at), port=at)
        for name, at in base.items()
    )
    return JinjaRenderer(settings).render(Snapshot.of(endpoints)).text


__all__ = [
    *("Base", "Maker", "Way", "confd", "floor", "has_confd", "lbdisc_file", "lbdisc_reload"),
    *("lbdisc_runtime", "node_files", "rendered"),
]
