"""Who ordered what, when and why, and what all else makes of it: real agent, real HAProxy."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lbdisc.orders import order
from lbdisc.testing.waiting import eventually
from support.diagnosing import doctor, found
from support.disk import Disk
from support.scene import Scene
from support.steering import acknowledged, judged, kill_agent, told, until


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path, log={"format": "json"}) as scene:
        scene.join("s1", "s2", "s3")
        scene.agent()
        scene.until_up("s1", "s2", "s3")
        yield scene


def lines(scene: Scene, name: str, agent: int = 1) -> list[dict[str, object]]:
    """The log's lines of that name."""
    found = map(json.loads, (scene.folder / f"agent{agent}.log").read_text().splitlines())
    return [line for line in found if line["event"] == name]


def test_each_order_is_in_the_log_with_who_and_why_and_so_is_what_is_refused(
    scene: Scene,
) -> None:
    told(scene, "drain", "nodes/s1", "--why", "its\ndisk \x1b[2J", "--for", "1h")
    told(scene, "undo", "nodes/s2", code=1)
    told(scene, "undo", "nodes/s1", "--why", "mended")
    (overruled,) = eventually(lambda: lines(scene, "overruled"), what="the order in the log")
    assert (overruled["why"], overruled["how"]) == ("its disk \\x1b[2J", "drain")
    assert overruled["by"] == lines(scene, "order refused")[0]["by"]
    assert lines(scene, "order refused")[0]["because"] == "nodes/s2 is not overruled here"
    assert lines(scene, "overruled no more")[0]["why"] == "mended"


def test_commands_that_look_know_who_is_overruled(scene: Scene) -> None:
    told(scene, "weight", "nodes/s1", "7")
    eventually(lambda: "weight 7" in scene.config, what="the weight")
    assert "weight 7 here by" in told(scene, "nodes")
    found = json.loads(told(scene, "nodes", "--json"))["endpoints"]
    assert [one.get("overruled", {}).get("weight") for one in found] == [7, None, None]
    assert told(scene, "render") == scene.config
    assert told(scene, "plan").splitlines()[-1].startswith("nothing")
    assert "degraded: nodes/s1 weight 7 here" in told(scene, "status", "--check", "all", code=4)


def test_disabled_nodes_are_no_loss_after_a_restart_and_come_back_without_the_registry(
    scene: Scene,
) -> None:
    told(scene, "disable", "nodes/s1")
    told(scene, "disable", "nodes/s2")
    until(scene, "s1", "")
    until(scene, "s2", "")
    kill_agent(scene)
    shutil.move(scene.nodes, scene.folder / "away")
    scene.agent()
    assert judged(scene, 4)["held"] == []
    told(scene, "undo", "--all")
    scene.until_up("s1", "s2", "s3")


def test_who_is_disabled_and_drains_by_itself_is_answered(scene: Scene) -> None:
    told(scene, "disable", "nodes/s1")
    until(scene, "s1", "")
    port = int(scene.apps["s1"].command[-1])
    scene.list("s1", port, state="draining", tags={"lbdisc.drain": "abcd"})
    eventually(lambda: acknowledged(scene), what="its drain")


def test_what_was_damaged_on_disk_is_said_and_the_agent_starts(scene: Scene) -> None:
    told(scene, "pause")
    kill_agent(scene)
    (scene.state / "operator.json").write_text('{"schema": 1, "pause":')
    scene.agent()
    (unused,) = lines(scene, "state not used", 2)
    assert "operator.json is damaged" in str(unused["error"])
    assert judged(scene, 0)["paused"] is None


def test_one_apply_refuses_while_paused(scene: Scene) -> None:
    told(scene, "pause", "--for", "1h", "--why", "deploy")
    kill_agent(scene)
    eventually(lambda: "nothing is applied: paused by" in told(scene, "run", "--once", code=1))


def test_no_more_than_a_thousand_are_overruled(scene: Scene) -> None:
    kill_agent(scene)
    one = {"service": "nodes", "how": "drain", "weight": None, "registered": None}
    its = {"by": "ana (1000)", "why": "", "since_s": 1.0, "for_s": None}
    kept = [{**one, **its, "name": f"x{number}"} for number in range(1000)]
    document = {"schema": 1, "overrides": kept, "pause": None, "pin": None}
    (scene.state / "operator.json").write_text(json.dumps(document))
    scene.agent()
    assert "no more may be" in told(scene, "disable", "nodes/s1", code=1)
    assert told(scene, "disable", "nodes/x7").startswith("nodes/x7 is left out here")
    assert len(max(told(scene, "status").splitlines(), key=len)) < 5000


@pytest.mark.skipif(not Disk.possible(), reason="only root can mount a disk")
def test_where_the_disk_is_full_an_order_is_obeyed_and_what_it_lacks_is_said(
    tmp_path: Path,
) -> None:
    (tmp_path / "state").mkdir()
    with closing(Disk(tmp_path / "state")) as disk, Scene(tmp_path) as scene:
        scene.join("s1", "s2")
        scene.agent()
        scene.until_up("s1", "s2")
        disk.fill()
        said = order(scene.state, "disable", what="nodes/s1")
        assert said.done
        assert "NOT KEPT for a restart: No space left" in said.text
        code, seen = doctor(scene, "--check", "folders")
        assert code == 1
        assert any("no space is left" in text for text in found(seen, "fail"))
        disk.writable()
        eventually(lambda: (scene.state / "operator.json").exists(), what="the order on disk")
        until(scene, "s1", "")
