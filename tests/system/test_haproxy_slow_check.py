"""A check that takes long holds up nobody, is told of, and does not outlive its use."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from support.scene import Scene
from support.scripts import script

# HAProxy itself, but its check of a text that has the words in `slow` takes for ever, and `refuse`
# holds what it is refused with.
CHECKED = """\
#!/bin/sh
for file; do :; done
if [ "$1" = -c ]; then
    while grep -qsf {folder}/slow "$file"; do sleep 0.02; done
    if [ -e {folder}/refuse ]; then cat {folder}/refuse; exit 1; fi
fi
exec haproxy "$@"
"""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    program = script(tmp_path / "haproxy", CHECKED.format(folder=tmp_path))
    with Scene(tmp_path, haproxy={"binary": program, "settle_after": 0}) as made:
        made.join("s1")
        yield made


def test_a_reload_does_not_wait_for_the_check_of_an_older_file(
    scene: Scene, tmp_path: Path
) -> None:
    scene.agent()
    (tmp_path / "slow").write_text("server s2 .*weight 100\n")
    scene.join("s2")
    scene.until_up("s1", "s2")
    assert "server s2 " not in scene.config
    port = scene.app("s3")
    scene.list("s2", port, weight=7)
    scene.list("named", port, address="localhost")
    eventually(lambda: "server named " in scene.config, deadline=20, what="the reload")
    assert "weight 7" in scene.config


def test_settling_waits_for_the_file_and_others_do_not_wait_for_it(
    scene: Scene, tmp_path: Path
) -> None:
    scene.write_settings(haproxy={"binary": str(tmp_path / "haproxy"), "settle_after": 0.3})
    scene.agent()
    (tmp_path / "slow").write_text("server s2 \n")
    scene.join("s2")
    scene.until_up("s1", "s2")
    eventually(lambda: "haproxy -c takes long" in (tmp_path / "agent1.log").read_text())
    scene.join("s3")
    scene.until_up("s1", "s2", "s3")
    (tmp_path / "slow").unlink()
    eventually(lambda: "server s3 " in scene.config)


def test_an_agent_that_is_told_to_stop_waits_for_no_check(scene: Scene, tmp_path: Path) -> None:
    agent = scene.agent()
    (tmp_path / "slow").write_text("server named \n")
    scene.list("named", scene.app("s2"), address="localhost")
    eventually(lambda: list(scene.state.glob(".haproxy.cfg.*.tmp")), what="a check")
    assert agent.stop(signal.SIGTERM, deadline=20) == 0
    assert "server named " not in scene.config


def test_what_the_file_that_is_there_is_refused_for_too_keeps_nobody_out(
    scene: Scene, tmp_path: Path
) -> None:
    scene.agent()
    text = "[ALERT] (7) : config : [x:9] : 'log' : could not resolve address 'logs.test'.\n"
    (tmp_path / "refuse").write_text(text)
    scene.join("s2")
    eventually(lambda: "server s2 " in scene.config)
    scene.until_up("s1", "s2")
    assert scene.status["failure"] is None
