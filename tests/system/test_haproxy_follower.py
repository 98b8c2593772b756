"""The file follows what runs: in the background, and never unchecked."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from support.scene import Scene, lost
from support.scripts import script

# HAProxy itself, but its check of a file waits while `hold` is there and fails while `refuse` is,
# with words of that file alone.
CHECKED = """\
#!/bin/sh
for file; do :; done
for word; do
    if [ "$word" = -c ]; then
        while [ -e {folder}/hold ]; do sleep 0.02; done
        its=$(md5sum < "$file" | tr 0-9 a-j)
        [ ! -e {folder}/refuse ] || {{ echo "[ALERT] (1) : config : no good: $its"; exit 1; }}
    fi
done
exec haproxy "$@"
"""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    program = script(tmp_path / "haproxy", CHECKED.format(folder=tmp_path))
    settings = {"binary": program, "settle_after": 0, "on_stop": "leave"}
    with Scene(tmp_path, haproxy=settings) as made:
        made.join("s1")
        made.agent()
        made.until_up("s1")
        yield made


def test_a_check_that_takes_long_holds_up_no_change(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "hold").touch()
    scene.join("s2")
    scene.until_up("s1", "s2")
    scene.join("s3")
    scene.until_up("s1", "s2", "s3")
    assert "server s2 " not in scene.config
    (tmp_path / "hold").unlink()
    eventually(lambda: "server s2 " in scene.config and "server s3 " in scene.config)
    assert scene.status["counters"]["applied_runtime"] == 2


def test_what_the_check_refuses_is_taken_back_told_and_tried_again(
    scene: Scene, tmp_path: Path
) -> None:
    with scene.traffic() as traffic:
        (tmp_path / "refuse").touch()
        scene.join("s2")
        eventually(lambda: scene.status["failure"] is not None, what="a failure")
        assert "no good" in scene.status["failure"]["error"]
        scene.until_up("s1")
        assert "server s2 " not in scene.config
        (tmp_path / "refuse").unlink()
        scene.until_up("s1", "s2")
        eventually(lambda: "server s2 " in scene.config)
    assert lost(traffic) == []


def test_an_agent_that_stops_sees_to_the_file_first(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "hold").touch()
    scene.join("s2")
    scene.until_up("s1", "s2")
    os.kill(scene.status["pid"], signal.SIGTERM)
    (tmp_path / "hold").unlink()
    eventually(lambda: "server s2 " in scene.config)
    scene.until_up("s1", "s2")


def test_what_runs_is_not_told_as_written_before_it_is(scene: Scene, tmp_path: Path) -> None:
    eventually(lambda: scene.status["written"])
    (tmp_path / "hold").touch()
    scene.join("s2")
    scene.until_up("s1", "s2")
    eventually(lambda: scene.status["generation"]["number"] == 2)
    assert scene.status["written"]["number"] == 1
    (tmp_path / "hold").unlink()
    eventually(lambda: scene.status["written"]["number"] == 2)
    assert "server s2 " in scene.config
