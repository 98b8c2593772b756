"""The lab's way: Serf's event handler writes node files, renders, and starts a second HAProxy.

Kinder than the lab's own: rendered by a shell script (the lab starts Node.js, 97 ms), and without
the second that its supervisor waits before a restart.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.ways import Base, Way
from lbdisc.testing.processes import accepts, free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers.serf import RPC_PORT, SerfAgent, free_network

SCRIPTS = Path(__file__).parent / "lab"
HEAD = """global
    stats socket {folder}/haproxy.sock level admin
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s
frontend localnodes
    bind 127.0.0.1:{port}
    option forwardfor
    http-request set-header X-Forwarded-Port %[dst_port]
    default_backend nodes
backend nodes
    balance roundrobin
    option httpchk HEAD /
"""


@contextmanager
def lab_serf(folder: Path, base: Base) -> Iterator[Way]:
    """All of it: a node joins when its Serf agent starts, and leaves with SIGINT."""
    with _lab(folder, base) as (port, count):
        network = free_network()
        seed = f"{network}.1"
        handler = f"member-join,member-leave,member-failed=sh {SCRIPTS}/handler.sh {folder}"
        balancer = SerfAgent(folder, _serf("ha", seed, {"role": "balancer"}, handler=handler))
        nodes: dict[str, SerfAgent] = {}

        def join(name: str, port: int) -> None:
            tags = {"role": "backend", "port": str(port)}
            address = f"{network}.{10 + len(nodes)}"
            nodes[name] = SerfAgent(folder, _serf(name, address, tags, seed=seed))
            nodes[name].start()

        try:
            balancer.start()
            yield Way(port, join, lambda name, port: nodes[name].leave(), count)
        finally:
            for agent in (*nodes.values(), balancer):
                agent.kill()


@contextmanager
def lab_scripts(folder: Path, base: Base) -> Iterator[Way]:
    """Its scripts alone, called for each event without Serf's delay of a second."""
    with _lab(folder, base) as (port, count):

        def tell(event: str, name: str, port: int = 0) -> None:
            subprocess.run(
                ["sh", str(SCRIPTS / "handler.sh"), str(folder)],
                input=f"{name}\t127.0.0.1\tbackend\trole=backend,port={port}\n",
                env={**os.environ, "SERF_EVENT": event},
                text=True,
                check=True,
            )

        yield Way(
            port,
            lambda name, port: tell("member-join", name, port),
            lambda name, port: tell("member-leave", name),
            count,
        )


def _serf(
    name: str, address: str, tags: dict[str, str], *, seed: str = "", handler: str = ""
) -> dict[str, object]:
    configuration: dict[str, object] = {
        **{"node_name": name, "bind": address, "rpc_addr": f"{address}:{RPC_PORT}"},
        **{"profile": "local", "tags": tags},
    }
    if seed:
        configuration |= {"retry_join": [seed], "retry_interval": "1s"}
    return configuration | ({"event_handlers": [handler]} if handler else {})


@contextmanager
def _lab(folder: Path, base: Base) -> Iterator[tuple[int, "Counter"]]:
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    (folder / "nodes").mkdir()
    (folder / "head.cfg").write_text(HEAD.format(folder=folder, port=port))
    for name, at in base.items():
        (folder / "nodes" / name).write_text(f"{name} 127.0.0.1 {at}\n")
    subprocess.run(["sh", str(SCRIPTS / "restart.sh"), str(folder)], check=True)
    try:
        eventually(lambda: accepts(port), what="HAProxy")
        yield port, Counter(folder)
    finally:
        for process in _haproxies(folder):
            with suppress(psutil.NoSuchProcess):
                process.kill()


class Counter:
    """How often HAProxy was started again, which the scripts tell by the size of a file."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "starts"
        self._first = self._size()

    def _size(self) -> int:
        return self._file.stat().st_size

    def __call__(self) -> int:
        return self._size() - self._first


def _haproxies(folder: Path) -> list[psutil.Process]:
    """The processes that run the configuration in ``folder``."""
    config = str(folder / "haproxy.cfg")
    found = psutil.process_iter(["name", "cmdline"])
    return [p for p in found if p.info["name"] == "haproxy" and config in (p.info["cmdline"] or ())]
