"""Two balancers around one registry, each a scene of its own: real agents, real HAProxys."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from lbdisc import atomic, records
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_lab.servers import etcd
from support.scene import Scene


class Pair:
    """``first`` and ``second`` balance the nodes ``s1`` and ``s2``; agents ``lb1`` and ``lb2``."""

    def __init__(self, folder: Path, backend: str, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.registry: Mapping[str, Any] = {}
        if backend == "etcd":
            self.cluster = etcd.start(folder / "etcd")
            stack.callback(self.cluster.stop)
            self.registry = {"core": {"backend": "etcd"}, "etcd": self._etcd()}
        else:
            (folder / "nodes").mkdir()
            self.registry = {"file": {"dir": str(folder / "nodes")}}
        self.backend = backend
        self.first, self.second = self.scene("lb1"), self.scene("lb2")
        for name in ("s1", "s2"):
            self._join(name, self.first.app(name))

    def _etcd(self) -> dict[str, Any]:
        found = dict(self.cluster.settings)
        return {key.removeprefix("etcd."): _plain(value) for key, value in found.items()} | {
            "ttl": 2
        }

    def scene(self, name: str, **agent: object) -> Scene:
        """Another balancer; ``agent`` are settings of its agent."""
        folder = self._folder / name
        folder.mkdir()
        found = Scene(folder, **self.tables(name, **agent))
        return self._stack.enter_context(found)

    def tables(self, name: str, **agent: object) -> dict[str, Any]:
        its = {"name": name, "fleet_orders": True, **agent}
        return {**self.registry, "agent": its, "log": {"format": "json", "level": "debug"}}

    def _join(self, name: str, port: int) -> None:
        node = Endpoint(service="nodes", name=name, address="127.0.0.1", port=port)
        self.write(f"nodes/{name}", records.write(node))

    def write(self, key: str, record: str) -> None:
        """An entry by hand."""
        if self.backend == "etcd":
            self.cluster.cli.put(f"/lbdisc/{key}", record)
            return
        path = self._folder / "nodes" / f"{key}.json"
        path.parent.mkdir(exist_ok=True)
        atomic.write(path, record)

    def start(self) -> None:
        """Both agents, until each serves both nodes and lists the other."""
        for scene in (self.first, self.second):
            scene.agent()
        for scene in (self.first, self.second):
            scene.until_up("s1", "s2")
            eventually(partial(_lists_both, scene), what="both agents listed")


def _lists_both(scene: Scene) -> bool:
    seen = [str(line["agents"]) for line in logged(scene, "agents")]
    return bool(seen) and {"lb1", "lb2"} <= set(re.findall(r"lb\d", seen[-1]))


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


@contextmanager
def pair(folder: Path, backend: str) -> Iterator[Pair]:
    """Two balancers that run."""
    with ExitStack() as stack:
        found = Pair(folder, backend, stack)
        found.start()
        yield found


def logged(scene: Scene, name: str, agent: int = 1) -> list[dict[str, Any]]:
    """The lines of that name in an agent's log."""
    found = map(json.loads, (scene.folder / f"agent{agent}.log").read_text().splitlines())
    return [line for line in found if line["event"] == name]


def until_weight(scene: Scene, name: str, weight: int) -> None:
    """Until HAProxy itself gives that server that weight; 0 is no new traffic."""

    def found() -> bool:
        with Runtime(str(scene.state / "haproxy.sock")) as runtime:
            return {row.server: row.weight for row in runtime.servers("nodes")}[name] == weight

    eventually(found, what=f"weight {weight} of {name}")
