"""Workers that a reload has replaced are counted; those that a failed one left are none of them."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lbdisc.haproxy.errors import ReloadFailed
from lbdisc.haproxy.sockets.master import Master
from lbdisc.testing.waiting import eventually
from support.scene import Scene

TABLES: dict[str, Any] = {"haproxy": {"settle_after": 0}, "log": {"level": "debug"}}


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path, **TABLES) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        yield scene


def told(scene: Scene, name: str) -> list[dict[str, object]]:
    lines = (scene.folder / "agent1.log").read_text().splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return [event for event in found if event["event"] == name]


def test_an_old_worker_is_in_the_status_and_an_event(serving: Scene) -> None:
    with socket.create_connection(("127.0.0.1", serving.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")  # under way
        serving.write_settings(**TABLES, vars={"balance": "leastconn"})
        os.kill(serving.status["pid"], signal.SIGHUP)
        eventually(lambda: serving.status["old_workers"] == 1)
        eventually(lambda: [event["count"] for event in told(serving, "old processes")] == [1])
    eventually(lambda: serving.status["old_workers"] == 0)
    eventually(lambda: [event["count"] for event in told(serving, "old processes")] == [1, 0])


def test_after_a_failed_reload_by_another_nodes_still_join_at_run_time(serving: Scene) -> None:
    config, good = serving.state / "haproxy.cfg", serving.config
    config.write_text(f"{good}\nbrand-new\n")
    master = Master(serving.state / "master.sock")
    with pytest.raises(ReloadFailed):
        master.reload()
    config.write_text(good)
    serving.join("s2")
    serving.until_up("s1", "s2")
    eventually(lambda: serving.status["generation"]["number"] == 2)
    assert serving.status["generation"]["how"] == "runtime"
    assert (told(serving, "drift"), master.processes().reloads) == ([], 1)
