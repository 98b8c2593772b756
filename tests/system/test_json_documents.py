"""The documents of `--json` have the keys that docs/json.md says, and their schema's number."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lbdisc.testing.waiting import eventually
from support.scene import LBDISC, Scene

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
ROW = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \| (.*) \|$", re.MULTILINE)


def documented(command: str) -> tuple[set[str], set[str]]:
    """All keys of its table, and those that are always there."""
    part = PAGE.partition(f"### `lbdisc {command}`\n")[2].partition("\n##")[0]
    rows = [(re.findall(r"`(\w+)`", keys), text) for keys, text in ROW.findall(part)]
    everything = {key for keys, _ in rows for key in keys}
    return everything, {key for keys, text in rows for key in keys if not text.startswith("only ")}


def said(scene: Scene, *words: str) -> Any:
    where = [] if words[0] in ("plugins", "template") else ["--config", str(scene.settings)]
    command = [LBDISC, *words, "--json", *where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with Scene(tmp_path_factory.mktemp("json")) as scene:
        scene.join("a")
        scene.agent()
        eventually(lambda: scene.status["servers"])
        yield scene


@pytest.mark.parametrize(
    "words",
    [
        *("status", "nodes", "nodes --agents", "plan", "render", "render --diff", "adopt"),
        *("guard", "doctor", "plugins", "config show", "config check"),
    ],
)
def test_a_document_has_the_keys_that_are_documented(scene: Scene, words: str) -> None:
    found = said(scene, *words.split())
    keys, always = documented(words.partition(" --")[0])
    assert found.pop("schema") == 1
    assert always <= set(found) <= keys


def test_the_rest_is_documented_as_well(scene: Scene, tmp_path: Path) -> None:
    written = said(scene, "template", "export", str(tmp_path / "t"))
    assert (written["schema"], set(written)) == (1, {"schema", *documented("template export")[0]})
    with Scene(tmp_path) as other:
        stopped = said(other, "stop")
    assert (stopped["schema"], set(stopped)) == (1, {"schema", *documented("stop")[0]})


def test_an_order_is_answered_in_a_document(scene: Scene) -> None:
    paused, resumed = said(scene, "pause", "--why", "test"), said(scene, "resume")
    everything, always = documented("pause")
    for answer in (paused, resumed, said(scene, "drain", "nodes/a"), said(scene, "undo", "--all")):
        assert answer.keys() == {"schema", *always}
        assert (answer["schema"], answer["done"]) == (1, True)
    assert everything - always == {"order", "agents"}


def test_what_watches_writes_a_document_a_line(scene: Scene) -> None:
    watching = scene.lbdisc("nodes", "--watch", "--json", name="watching")
    log = scene.folder / "watching.log"
    eventually(lambda: len(log.read_text().splitlines()) >= 1)
    scene.list("b", 1)
    eventually(lambda: len(log.read_text().splitlines()) >= 2)
    watching.stop()
    lines = [json.loads(line) for line in log.read_text().splitlines() if line]
    assert [line["schema"] for line in lines] == [1] * len(lines)
    assert {e["name"] for e in lines[-1]["endpoints"]} == {"a", "b"}
