"""A minute in the life of two load balancers, with all that a dashboard is to show."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lbdisc import atomic
from lbdisc.haproxy.sockets import commands as cmd
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.orders import order
from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from support.prometheus import ROOT, Prometheus
from support.scene import Scene
from support.stage import Slow

PAUSE = 3.0  # seconds between two things, so that each is seen
NODES = ("web-1", "web-2", "web-3", "web-4", "web-5")
OWNER = "a registrar"  # who is gone without its word is lost
# A folder that is not there passes HAProxy's check, and the new worker does not come up.
CLASH = """
{% for e in services[0].endpoints if e.name == "clash" %}
global
    chroot /nonexistent
{% endfor %}
"""


class Balancer(Scene):
    """One of them, that looks at all servers each second."""

    def __init__(self, folder: Path, name: str, *, nodes: Path | None = None) -> None:
        folder.mkdir()
        template = folder / "own.cfg.j2"
        template.write_text((ROOT / "templates" / "haproxy.cfg.j2").read_text() + CLASH)
        self.target = f"127.0.0.1:{(port := free_port())}"
        self._own: dict[str, dict[str, Any]] = {
            "agent": {"name": name, "verify_every": 1.0, "min_reload_interval": 0.2},
            "metrics": {"bind": str(port)},
            "core": {"services": ["nodes"]},
            "jinja2": {"template": str(template)},
            "file": {"dir": str(nodes or folder / "nodes")},
        }
        super().__init__(folder, **self._own)

    def change(self, **variables: object) -> None:
        """Other variables of the template, read again."""
        self.write_settings(**self._own, vars=variables)
        self.hup()

    def until_in_step(self) -> None:
        eventually(lambda: self.status["in_step"], deadline=90, what="in step")


@contextmanager
def eventful(folder: Path) -> Iterator[Prometheus]:
    """The Prometheus that scraped all of it, once it is over; lb2 is paused and behind."""
    with ExitStack() as stack:
        slow = stack.enter_context(Slow())
        first = stack.enter_context(Balancer(folder / "lb1", "lb1"))
        second = stack.enter_context(Balancer(folder / "lb2", "lb2", nodes=first.nodes))
        named = {"lb1": first.target, "lb2": second.target}
        for name in NODES:
            first.list(name, first.app(name), owner=OWNER)
        node = first.register("slow", slow.port)
        first.agent()
        second.agent()
        prometheus = Prometheus(folder / "prometheus", named=named, every="1s")
        stack.enter_context(prometheus)
        eventually(lambda: prometheus.value("sum(lbdisc_in_step)") == 2, deadline=60)
        stack.enter_context(first.traffic(rate=40))
        stack.enter_context(second.traffic(rate=20))
        for happens in (*_ordinary(first, second, slow), *_odd(first, second, node)):
            time.sleep(PAUSE)
            happens()
        eventually(lambda: prometheus.value("min(lbdisc_in_step)") == 0, deadline=60)
        time.sleep(PAUSE)  # a last look of Prometheus'
        yield prometheus


def _ordinary(first: Balancer, second: Balancer, slow: Slow) -> list[Callable[[], object]]:
    def reload() -> None:
        for each in (first, second):
            each.change(maxconn=500)

    return [
        lambda: first.join("web-6"),
        lambda: slow.keep_busy(first.port),
        lambda: first.join("web-7", "web-8"),
        lambda: first.unlist("web-7"),
        reload,
        lambda: first.list("web-9", free_port()),  # nobody is there
        lambda: first.list("web-8", first.app("web-8b")),
    ]


def _odd(first: Balancer, second: Balancer, node: Process) -> list[Callable[[], object]]:
    folder = first.nodes / "nodes"
    kept = {name: folder / f"{name}.json" for name in NODES}
    texts: dict[str, str] = {}

    def lose() -> None:
        texts.update({name: file.read_text() for name, file in kept.items()})
        for name in NODES:
            first.unlist(name)

    def come_back() -> None:
        for name, text in texts.items():
            atomic.write(kept[name], text)

    def clash() -> None:
        first.list("clash", 1)
        eventually(lambda: first.status["failure"], deadline=60, what="a failure")
        eventually(lambda: second.status["failure"], deadline=60, what="a failure")
        first.unlist("clash")
        first.until_in_step()
        second.until_in_step()

    def edit() -> None:
        with Runtime(str(first.state / "haproxy.sock")) as runtime:
            runtime.run((cmd.SetWeight("nodes", "web-1", 1),))

    return [
        lambda: atomic.write(folder / "odd.json", '{"port": "none"}'),
        lambda: node.send(15),
        lambda: order(first.state, "drain", what="nodes/web-5", why="its disk"),
        lose,
        come_back,
        edit,
        clash,
        lambda: order(second.state, "pause", why="a look"),
        lambda: first.join("web-10"),
    ]
