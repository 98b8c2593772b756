"""A first start while addresses are given anew: nobody is served at an address of another's."""

import json
from pathlib import Path

from lbdisc.testing.waiting import eventually
from support.scene import Scene

SETTINGS: dict[str, dict[str, object]] = {
    "core": {"services": ["web", "api"]},
    "haproxy": {"settle_after": 0},
}
HERE = {"address": "127.0.0.1", "port": 1}


def entry(scene: Scene, service: str, name: str, **parts: object) -> None:
    folder = scene.nodes / service
    folder.mkdir(exist_ok=True)
    (folder / f".{name}").write_text(json.dumps(HERE | parts))
    (folder / f".{name}").rename(folder / f"{name}.json")


def test_who_moves_away_is_never_served_where_another_is_by_now(tmp_path: Path) -> None:
    with Scene(tmp_path, **SETTINGS) as scene:
        entry(scene, "web", "w1")
        entry(scene, "api", "a1")
        agent = scene.agent(until_running=False)
        eventually(lambda: "two services have one address" in agent.log_tail())
        entry(scene, "web", "w1", port=2)
        eventually(lambda: scene.status["generation"] is not None)
        assert scene.status["generation"]["number"] == 1
        assert "server w1 127.0.0.1:2 " in scene.config
        assert "server a1 127.0.0.1:1 " in scene.config


def test_one_host_for_two_services_is_served_after_a_moment(tmp_path: Path) -> None:
    with Scene(tmp_path, **SETTINGS) as scene:
        entry(scene, "web", "w1")
        entry(scene, "api", "a1")
        scene.agent()
        assert set(scene.servers("web")) | set(scene.servers("api")) == {"w1", "a1"}
