"""What somebody does by hand at HAProxy's socket is made good and counted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.sockets import commands as cmd
from lbdisc.haproxy.sockets.commands import Command
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.haproxy.verify import differences
from lbdisc.testing.waiting import eventually
from support.scene import Scene, lost

BY_HAND: dict[str, tuple[Command, ...]] = {
    "weight": (cmd.SetWeight("nodes", "s1", 1),),
    "maintenance": (cmd.SetState("nodes", "s1", "maint"),),
    "drain": (cmd.SetState("nodes", "s1", "drain"),),
    "address": (cmd.SetAddress("nodes", "s1", "127.0.0.9", 9),),
    "one more": (
        cmd.AddServer("nodes", "stranger", "127.0.0.9:9"),
        cmd.EnableServer("nodes", "stranger"),
    ),
}


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """An agent that compares often, with s1 and s2 up."""
    folder = tmp_path_factory.mktemp("drift")
    with Scene(folder, agent={"verify_every": 0.5}) as scene:
        scene.join("s1", "s2")
        scene.agent()
        scene.until_up("s1", "s2")
        yield scene


@pytest.mark.parametrize("what", BY_HAND)
def test_a_change_by_hand_is_made_good_and_counted(serving: Scene, what: str) -> None:
    counted = serving.status["counters"].get("drift", 0)
    with Runtime(str(serving.state / "haproxy.sock")) as runtime:
        runtime.run(BY_HAND[what])
    eventually(lambda: difference(serving) == (), deadline=15, what="what the file says")
    eventually(lambda: serving.status["counters"].get("drift", 0) > counted, deadline=15)
    eventually(lambda: serving.status["in_step"], deadline=15, what="an agent in step")
    serving.until_up("s1", "s2")


def difference(scene: Scene) -> tuple[tuple[str, str], ...]:
    """Between HAProxy, over a connection of this moment, and the file."""
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        return differences(parse(scene.config), runtime.servers())


def test_repair_costs_no_request(serving: Scene) -> None:
    with serving.traffic() as traffic:
        test_a_change_by_hand_is_made_good_and_counted(serving, "weight")
        test_a_change_by_hand_is_made_good_and_counted(serving, "maintenance")
    assert lost(traffic) == []


def test_a_name_that_does_not_resolve_yet_is_no_difference(tmp_path: Path) -> None:
    with Scene(tmp_path, agent={"verify_every": 0.3}) as scene:
        scene.join("s1")
        scene.list("s2", 80, address="nowhere.invalid")
        scene.agent()
        scene.until_up("s1")
        eventually(lambda: scene.status["written"], what="a generation that is written")
        assert scene.status["in_step"]
        assert scene.status["failure"] is None
