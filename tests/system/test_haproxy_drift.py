"""What somebody changes at HAProxy's socket is found, counted and taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from scene import Scene, lost

from lbdisc.haproxy.socket import Runtime
from lbdisc.testing.waiting import eventually

Rows = dict[str, tuple[int, int, bool]]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path, agent={"verify_every": 0.3}, haproxy={"settle_after": 0}) as made:
        made.join("s1", "s2")
        made.agent()
        made.until_up("s1", "s2")
        yield made


def rows(scene: Scene) -> Rows:
    """Port, weight and maintenance of each server that serves or is in the file."""
    with Runtime(scene.state / "haproxy.sock") as runtime:
        return {
            row.server: (row.port, row.weight, row.in_maintenance)
            for row in runtime.servers("nodes")
            if not row.in_maintenance or f"server {row.server} " in scene.config
        }


@pytest.mark.parametrize(
    "typed",
    [
        ("set server nodes/s1 weight 7",),
        ("set server nodes/s1 state maint",),
        ("set server nodes/s1 addr 127.0.0.1 port 1",),
        ("add server nodes/x 127.0.0.1:1", "enable server nodes/x"),
    ],
)
def test_a_change_by_hand_is_taken_back(scene: Scene, typed: tuple[str, ...]) -> None:
    before = rows(scene)
    with scene.traffic() as traffic:
        with Runtime(scene.state / "haproxy.sock") as runtime:
            runtime.ask_all(typed)
        assert rows(scene) != before
        eventually(lambda: scene.status["counters"].get("drift"), what="the drift to be counted")
        eventually(lambda: rows(scene) == before, what="the servers of the file")
        eventually(lambda: scene.status["in_step"])
    assert lost(traffic) == []
    assert scene.status["counters"]["applied_reload"] == 1


def test_a_name_that_does_not_resolve_yet_is_no_difference(tmp_path: Path) -> None:
    with Scene(tmp_path, agent={"verify_every": 0.3}) as scene:
        scene.join("s1")
        scene.list("s2", 80, address="nowhere.invalid")
        scene.agent()
        scene.until_up("s1")
        eventually(lambda: scene.status["written"])
        assert scene.status["in_step"]
        assert scene.status["failure"] is None
