"""Long connections while nodes come and go: none ends but for its own node."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.long_connections import frontends
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.haproxy.sockets.streams import LongConnections
from lbdisc.testing.waiting import eventually
from lbdisc_lab.websockets import WebSocketApps, WebSockets
from support.scene import Scene

STAY = ("a", "b")
COME = ("c", "d", "e")


@pytest.fixture
def apps() -> Iterator[WebSocketApps]:
    with WebSocketApps(*STAY, *COME) as serving:
        yield serving


def serving(scene: Scene, apps: WebSocketApps) -> Scene:
    for name in STAY:
        scene.list(name, apps.ports[name])
    scene.agent()
    scene.until_up(*STAY)
    return scene


def reloads(scene: Scene) -> int:
    """How many there were; -1 in the middle of one."""
    try:
        return Master(scene.state / "master.sock").processes().reloads
    except HaproxyError:
        return -1


def reload(scene: Scene, balance: str = "leastconn", **variables: object) -> None:
    """An operator changes what is only read from the file; until that is done."""
    before = counted(scene)
    scene.write_settings(vars={**variables, "balance": balance})
    os.kill(scene.status["pid"], signal.SIGHUP)
    eventually(lambda: counted(scene) > before, what="a reload")


def counted(scene: Scene) -> int:
    return int(scene.status["counters"].get("applied_reload", 0))


def log(scene: Scene) -> str:
    return (scene.folder / "agent1.log").read_text()


def test_joins_leaves_and_reloads_cut_no_websocket(tmp_path: Path, apps: WebSocketApps) -> None:
    with Scene(tmp_path, haproxy={"settle_after": 0.2, "settle_limit": 0}) as scene:
        serving(scene, apps)
        with WebSockets(scene.port, 20) as clients:
            here = list(STAY)
            for name in COME:
                scene.list(name, apps.ports[name])
                here.append(name)
                scene.until_up(*here)
                clients.more(3)
            for name in COME:
                scene.unlist(name)
                here.remove(name)
                scene.until_up(*here)
            reload(scene)
            scene.until_up(*STAY)
            assert clients.nodes.total() == 29
        assert clients.cut == []


def test_the_settling_reload_waits_for_tunnels_and_comes_when_they_end(
    tmp_path: Path, apps: WebSocketApps
) -> None:
    with Scene(tmp_path, haproxy={"settle_after": 0.2}) as scene:
        serving(scene, apps)
        with Runtime(str(scene.state / "haproxy.sock")) as socket:
            if socket.features().reuses_connections:
                pytest.skip("nothing is settled since 3.0")
        with WebSockets(scene.port, 4):
            eventually(lambda: tunnels(scene) == 4, what="tunnels that do not end at once")
            scene.list("c", apps.ports["c"])
            eventually(lambda: "the settling reload waits" in log(scene), what="the wait")
            assert reloads(scene) == 0
        eventually(lambda: reloads(scene) == 1, what="the settling reload")


def test_a_reload_tells_what_the_worker_before_still_has(
    tmp_path: Path, apps: WebSocketApps
) -> None:
    with Scene(tmp_path, vars={"hard_stop_after": "2h"}) as scene:
        serving(scene, apps)
        with WebSockets(scene.port, 4):
            eventually(lambda: tunnels(scene) == 4, what="tunnels that do not end at once")
            reload(scene, hard_stop_after="2h")
            eventually(lambda: "finishes what it has" in log(scene), what="the word")
        assert "4 tunnels" in log(scene)
        assert "hard-stop-after 2h" in log(scene)


def tunnels(scene: Scene) -> int:
    names = frontends(parse(scene.config))
    with Runtime(str(scene.state / "haproxy.sock")) as socket:
        return LongConnections.read(socket.ask("show sess"), names).tunnels


def test_websockets_end_when_the_worker_before_has_to(tmp_path: Path, apps: WebSocketApps) -> None:
    with Scene(tmp_path, vars={"hard_stop_after": "1s"}) as scene:
        serving(scene, apps)
        with WebSockets(scene.port, 4) as clients:
            reload(scene, hard_stop_after="1s")
            eventually(lambda: len(clients.cut) == 4, what="the end of the worker before")


def test_a_worker_outlives_no_more_reloads_than_it_may(tmp_path: Path, apps: WebSocketApps) -> None:
    with Scene(tmp_path, vars={"old_workers": 1}) as scene:
        serving(scene, apps)
        with WebSockets(scene.port, 4) as clients:
            reload(scene, "leastconn", old_workers=1)
            assert clients.cut == []
            reload(scene, "random", old_workers=1)
            eventually(lambda: len(clients.cut) == 4, what="the end of the first worker")
