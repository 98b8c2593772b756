"""Whoever writes a record with another's address takes nothing away from it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc import atomic
from lbdisc.testing.waiting import eventually
from support.scene import Scene, lost

CLAIMS = ({"state": "draining"}, {"weight": 0}, {"weight": 256, "tags": {"zone": "b"}})


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path) as scene:
        scene.join("s1", "s2")
        scene.agent()
        scene.until_up("s1", "s2")
        yield scene


def claim(scene: Scene, service: str, name: str, of: str, **parts: object) -> None:
    """A record of somebody else, which names the address of one that serves."""
    folder = scene.nodes / service
    folder.mkdir(exist_ok=True)
    port = json.loads((scene.nodes / "nodes" / f"{of}.json").read_text())["port"]
    atomic.write(
        folder / f"{name}.json", json.dumps({"address": "127.0.0.1", "port": port, **parts})
    )


def problems(scene: Scene) -> str:
    return str(scene.status["problems"])


@pytest.mark.parametrize("parts", CLAIMS, ids=str)
def test_second_entries_at_an_address_change_nothing(
    serving: Scene, parts: dict[str, object]
) -> None:
    before = serving.config
    with serving.traffic() as traffic:
        for number, node in enumerate(("s1", "s2")):
            claim(serving, "nodes", f"0{number}", node, **parts)
        eventually(lambda: problems(serving).count("was there first") == 2)
        at = traffic.counts().served
        eventually(lambda: traffic.counts().served > at + 50)
    assert lost(traffic) == []
    assert serving.config == before


def test_they_change_nothing_after_a_restart_of_the_agent_either(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.join("s1", "s2")
        agent = scene.agent()
        scene.until_up("s1", "s2")
        claim(scene, "nodes", "00", "s1", state="draining")
        claim(scene, "other", "01", "s2")
        eventually(lambda: "was there first" in problems(scene))
        with scene.traffic() as traffic:
            agent.kill()
            scene.agent()
            eventually(lambda: "was there first" in problems(scene))
            at = traffic.counts().served
            eventually(lambda: traffic.counts().served > at + 50)
        assert lost(traffic) == []
        assert set(scene.servers()) == {"s1", "s2"}
