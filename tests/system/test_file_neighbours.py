"""Other users beside a folder of nodes, and an agent that follows it."""

import json
import os
from collections.abc import Iterator

import pytest

from lbdisc.testing.waiting import eventually
from support.scene import Scene
from support.users import ONLY_ROOT, STRANGER, open_folder, ran_by

pytestmark = ONLY_ROOT
WRITES = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"


@pytest.fixture
def scene() -> Iterator[Scene]:
    with open_folder() as made, Scene(made) as scene:
        scene.join("s1")
        for folder in (scene.nodes, scene.nodes / "nodes"):
            folder.chmod(0o1777)
        yield scene


def hide(scene: Scene) -> None:
    """A stranger's line for ``s1``, which may stand beside its record."""
    done = ran_by(STRANGER, WRITES, scene.nodes / "nodes" / "s1", "s1 127.0.0.66 6666")
    assert done.returncode == 0, done.stderr


def until_told(scene: Scene) -> None:
    """Until the stranger's file is a problem, and the node is served as before."""
    eventually(
        lambda: (
            "a second file for nodes/s1, which 's1.json' has"
            in json.dumps(scene.status["problems"])
        )
    )
    assert "127.0.0.66" not in scene.config
    scene.until_up("s1")


def test_a_strangers_second_file_takes_no_nodes_place(scene: Scene) -> None:
    agent = scene.agent()
    scene.until_up("s1")
    hide(scene)
    until_told(scene)
    agent.stop()
    scene.agent()
    until_told(scene)


def test_a_node_that_writes_lines_keeps_its_name_over_a_restart(scene: Scene) -> None:
    port = json.loads((scene.nodes / "nodes" / "s1.json").read_text())["port"]
    scene.unlist("s1")
    (scene.nodes / "nodes" / "s1").write_text(f"s1 127.0.0.1 {port}")
    agent = scene.agent()
    scene.until_up("s1")
    agent.stop()
    theirs = scene.nodes / "nodes" / "s1.json"
    record = {"address": "127.0.0.66", "port": 6666, "owner": "them", "ttl": 600}
    ran_by(STRANGER, WRITES, theirs, json.dumps(record))
    os.utime(theirs, (0, 0))
    scene.agent()
    eventually(
        lambda: "a second file for nodes/s1, which 's1' has" in json.dumps(scene.status["problems"])
    )
    assert "127.0.0.66" not in scene.config


def test_a_linked_secret_shows_nowhere(scene: Scene) -> None:
    secret = scene.folder / "shadow"
    secret.write_text("root:$6$hunter2:19000:0:99999:7:::\n")
    secret.chmod(0o600)
    agent = scene.agent()
    links = "import os, sys; os.symlink(sys.argv[1], sys.argv[2])"
    ran_by(STRANGER, links, secret, scene.nodes / "nodes" / "s9")
    eventually(lambda: "leads out of the folder" in json.dumps(scene.status["problems"]))
    assert "hunter2" not in json.dumps(scene.status) + agent.log_tail()
