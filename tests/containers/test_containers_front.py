"""Two balancers behind another one: each is replaced, and whoever is in front loses nothing."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.containers.backends import IMAGE
from lbdisc_lab.containers.container import Container, Run
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.demo.ports import quiet_port
from lbdisc_lab.traffic import Traffic
from support.scene import lost

FRONT = """
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    retries 3
    option redispatch 1
listen front
    bind 127.0.0.1:{port}
    option httpchk GET /ready
    default-server check inter 500ms fall 2 rise 2
"""


class Pair:
    """Two balancers of one node at published ports, and a HAProxy of this machine before them."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._stack = ExitStack()
        network, volumes = engine.network("net"), (f"{engine.volume('nodes')}:/nodes",)
        node = Run(image=IMAGE.format("webapp"), name="s1", network=network, volumes=volumes)
        engine.run(node)
        self.ports: dict[str, tuple[int, int]] = {}
        self.balancers: dict[str, Container] = {}
        for name in ("ha1", "ha2"):
            http, stats = self.ports[name] = quiet_port(), quiet_port()
            self.balancers[name] = engine.run(
                Run(
                    image=IMAGE.format("ha"),
                    name=name,
                    network=network,
                    volumes=volumes,
                    ports={80: http, 1936: stats},
                )
            )
        self.port = free_port()
        self._start_front(folder)

    def _start_front(self, folder: Path) -> None:
        servers = "".join(
            f"    server {name} 127.0.0.1:{http} port {stats}\n"
            for name, (http, stats) in self.ports.items()
        )
        config = folder / "front.cfg"
        config.write_text(FRONT.format(port=self.port) + servers)
        haproxy = shutil.which("haproxy") or "haproxy"
        command: list[str | Path] = [haproxy, "-db", "-f", config]
        self._stack.enter_context(Process(command, log=folder / "front.log"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def until_ready(self, name: str) -> None:
        """Until it says so, and balances the node."""
        http, stats = self.ports[name]

        def ready() -> bool:
            with suppress(OSError):
                return all(
                    urlopen(f"http://127.0.0.1:{port}{path}", timeout=2).status == 200
                    for port, path in ((stats, "/ready"), (http, "/"))
                )
            return False

        eventually(ready, deadline=60, what=f"{name} ready")

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def pair(engine: Engine, tmp_path: Path) -> Iterator[Pair]:
    made = Pair(engine, tmp_path)
    yield made
    made.close()


def until_more(traffic: Traffic, more: int) -> None:
    """Until so many more requests were served."""
    start = traffic.counts()
    eventually(lambda: traffic.counts().since(start).served > more, deadline=60)


def test_replaced_one_after_the_other_they_lose_nothing(pair: Pair) -> None:
    for name in pair.balancers:
        pair.until_ready(name)
    with Traffic(pair.url, rate=100) as traffic:
        until_more(traffic, 100)
        for name, balancer in pair.balancers.items():
            balancer.stop()
            assert balancer.exit_code == 0
            until_more(traffic, 100)
            balancer.start()
            pair.until_ready(name)
            until_more(traffic, 300)  # the front takes it up again after two of its checks
    assert lost(traffic) == []
