"""Reloads of `lbdisc run`: after a refusal, to settle, and what they must not forget."""

import http.client
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.sockets.commands import AddServer
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.rows import Stat
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.scene import Scene, lost


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Scene]:
    """An agent with s1 and s2 up, whose only reloads are the needed ones."""
    with Scene(tmp_path, haproxy={"settle_after": 0}) as scene:
        scene.join("s1", "s2")
        scene.agent()
        scene.until_up("s1", "s2")
        yield scene


def runtime(scene: Scene) -> Runtime:
    return Runtime(str(scene.state / "haproxy.sock"))


def reloads(scene: Scene) -> int:
    return Master(scene.state / "master.sock").processes().reloads


def has_reloaded(scene: Scene, before: int) -> bool:
    """Whether a new worker answers; while a reload is under way nothing does."""
    try:
        return reloads(scene) > before and bool(nodes(scene))
    except HaproxyError:
        return False


def nodes(scene: Scene) -> list[Stat]:
    with runtime(scene) as socket:
        return [row for row in socket.stats("nodes") if row.kind == "server"]


def test_what_haproxy_refuses_at_run_time_comes_by_a_reload(serving: Scene) -> None:
    before = reloads(serving)
    with runtime(serving) as socket:
        socket.run([AddServer("nodes", "s3", "127.0.0.9:9")])  # in maintenance: no drift
    with serving.traffic() as traffic:
        serving.join("s3")
        serving.until_up("s1", "s2", "s3")
    assert reloads(serving) == before + 1
    assert "a reload follows" in (serving.folder / "agent1.log").read_text()
    assert lost(traffic) == []


def test_a_dead_server_stays_down_over_a_reload(tmp_path: Path) -> None:
    patient = {"check_inter": "20s"}  # no check of the new worker tells within the test
    with Scene(tmp_path, vars=patient) as scene:
        scene.join("s1")
        scene.list("dead", free_port())
        scene.agent()
        with scene.traffic() as traffic:
            eventually(lambda: scene.servers()["dead"].startswith("DOWN"), what="dead to be down")
        before = reloads(scene)
        scene.write_settings(vars={**patient, "balance": "leastconn"})
        os.kill(scene.status["pid"], signal.SIGHUP)
        eventually(lambda: has_reloaded(scene, before), what="a reload")
        assert scene.servers()["dead"].startswith("DOWN")
        assert lost(traffic) == []


def test_a_burst_is_settled_by_one_reload_after_which_connections_are_reused(
    tmp_path: Path,
) -> None:
    with Scene(tmp_path, haproxy={"settle_after": 1.0}) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        with runtime(scene) as socket:
            wanted = 0 if socket.features().reuses_connections else 1  # since 3.0 it does at once
        before = reloads(scene)
        scene.join("s2", "s3", "s4")
        scene.until_up("s1", "s2", "s3", "s4")
        eventually(lambda: scene.status["counters"].get("tended_reload", 0) >= wanted)
        scene.until_up("s1", "s2", "s3", "s4")
        ask(scene.port, 40)
        assert all(int(row.fields["reuse"]) > 0 for row in nodes(scene))
        assert reloads(scene) == before + wanted


def ask(port: int, times: int) -> None:
    """So many requests over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(times):
        connection.request("GET", "/")
        assert connection.getresponse().read()
    connection.close()


def test_a_reload_by_someone_else_is_noticed_soon(serving: Scene) -> None:
    serving.join("s3")
    # Until the agent has read it back, too: a reload in the middle of that is no drift.
    eventually(lambda: serving.status["generation"]["number"] == 2, what="a second generation")
    Master(serving.state / "master.sock").reload()
    eventually(lambda: serving.status["counters"].get("drift"), deadline=10, what="the notice")
    eventually(lambda: serving.status["in_step"], deadline=10, what="an agent in step")
    serving.until_up("s1", "s2", "s3")
