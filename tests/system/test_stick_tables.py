"""Users stay with their nodes while others join, over reloads of every kind."""

import json
import os
import signal
import socket
from pathlib import Path

from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.waiting import eventually
from support.scene import Scene

STICKY = {"jinja2.vars.services.nodes": {"stick": "source"}}
USERS = [f"127.0.0.{number}" for number in range(11, 51)]


def node_of(user: str, port: int) -> str:
    """Who answers somebody who comes from that address."""
    with socket.create_connection(
        ("127.0.0.1", port), timeout=10, source_address=(user, 0)
    ) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: nodes\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["host"])


def nodes_of_all(scene: Scene) -> dict[str, str]:
    return {user: node_of(user, scene.port) for user in USERS}


def ask(scene: Scene, line: str) -> str:
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        return runtime.ask(line)


def counter(scene: Scene, name: str) -> int:
    return int(scene.status["counters"].get(name, 0))


def test_forty_users_keep_their_nodes_over_joins_and_reloads(tmp_path: Path) -> None:
    settings = {"settle_after": 0.2, "settle_limit": 0}
    with Scene(tmp_path, haproxy=settings, **STICKY) as scene:
        scene.join("s1", "s2")
        scene.agent()
        scene.until_up("s1", "s2")
        # A worker without one before it waits five seconds for one, and hands nothing on meanwhile.
        eventually(lambda: "resync_timeout=<PAST>" in ask(scene, "show peers"), what="peers")
        before = nodes_of_all(scene)
        assert set(before.values()) == {"s1", "s2"}
        for number in (3, 4):
            scene.join(f"s{number}")
            scene.until_up(*(f"s{n}" for n in range(1, number + 1)))
            until_settled(scene, number - 2)
            until_handed_on(scene)
            assert nodes_of_all(scene) == before
        scene.write_settings(haproxy=settings, vars={"balance": "leastconn"}, **STICKY)
        os.kill(scene.status["pid"], signal.SIGHUP)
        eventually(lambda: counter(scene, "applied_reload"), what="a reload")
        scene.until_up("s1", "s2", "s3", "s4")
        until_handed_on(scene)
        assert nodes_of_all(scene) == before


def until_handed_on(scene: Scene) -> None:
    """Some milliseconds pass until a new worker has what the one before knew."""
    eventually(lambda: f"used:{len(USERS)}" in ask(scene, "show table nodes"), what="the table")


def until_settled(scene: Scene, times: int) -> None:
    """Until so many settling reloads have come, where any is due."""
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        if not runtime.features().reuses_connections:
            eventually(lambda: counter(scene, "tended_reload") >= times, what="settled servers")


def test_nobody_else_may_open_the_socket_of_the_tables(tmp_path: Path) -> None:
    with Scene(tmp_path, **STICKY) as scene:
        scene.join("s1")
        scene.agent()
        path = eventually(lambda: next(scene.state.glob("peers.sock"), None), what="the socket")
        assert path is not None
        assert path.stat().st_mode & 0o077 == 0


def test_without_sticky_services_there_are_no_peers(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.join("s1")
        scene.agent()
        assert "peers" not in scene.config
