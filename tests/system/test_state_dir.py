"""Local users and the agent: they neither stop it nor steer it, and watchers may watch."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.processes import Process
from support.scene import LBDISC, Scene
from support.users import ONLY_ROOT, STRANGER, WATCHERS, as_user, busy, open_folder

pytestmark = ONLY_ROOT
HOLDS = """
import fcntl, sys, time
files = [open(name) for name in sys.argv[1:]]
[fcntl.flock(file, fcntl.LOCK_EX) for file in files]
print("held", flush=True); time.sleep(60)
"""


@pytest.fixture
def scene() -> Iterator[Scene]:
    with open_folder() as made, Scene(made) as scene:
        scene.join("s1")
        yield scene


def test_an_agent_starts_though_a_stranger_holds_its_locks(scene: Scene) -> None:
    scene.agent().stop()
    locks = [scene.state / "agent.lock", scene.state / ".haproxy.cfg.lock"]
    scene.state.chmod(0o755)
    for lock in locks:
        lock.chmod(0o644)
    with busy(STRANGER, HOLDS, *locks):
        agent = scene.agent()
        second = scene.lbdisc("run", name="second")
        assert second.wait() == 1
        assert f"another lbdisc uses state_dir {scene.state} (process {agent.pid})" in (
            second.log.read_text()
        )


def asked(scene: Scene, *words: str, groups: tuple[int, ...] = ()) -> tuple[int, str]:
    """What a command says to a stranger."""
    command: list[str | Path] = [
        *as_user(STRANGER, *groups),
        LBDISC,
        *words,
        "--config",
        scene.settings,
    ]
    with Process(command, log=scene.folder / "asked.log") as process:
        code = process.wait()
    said = process.log.read_text()
    process.log.unlink()
    return code, said


def test_a_watcher_in_the_group_reads_the_status(scene: Scene) -> None:
    scene.state.mkdir(mode=0o750)
    os.chown(scene.state, 0, WATCHERS)
    scene.state.chmod(0o2750)
    scene.agent()
    scene.until_up("s1")
    code, said = asked(scene, "status", groups=(WATCHERS,))
    assert (code, said.startswith("good")) == (0, True), said
    code, said = asked(scene, "stop", groups=(WATCHERS,))
    assert (code, said) == (1, f"lbdisc: the agent of {scene.state} is somebody else's: be root\n")
    code, said = asked(scene, "status")
    assert (code, said.count("\n")) == (1, 1)
    assert f"may not read state_dir {scene.state} (owner root" in said


def refused(scene: Scene) -> str:
    run = scene.lbdisc("run", name="run")
    assert run.wait() == 2, run.log_tail()
    assert run.log.read_text().count("\n") == 1
    return run.log.read_text()


@pytest.mark.parametrize("kind", ["settings", "template", "secret"])
def test_what_a_stranger_may_write_is_refused_in_one_line(scene: Scene, kind: str) -> None:
    file = scene.folder / kind
    file.write_text("text")
    if kind == "settings":
        file = scene.settings
    elif kind == "template":
        scene.write_settings(jinja2={"template": str(file)})
    else:
        scene.write_settings(etcd={"user": "a", "password_file": str(file)})
    os.chown(file, STRANGER, STRANGER)
    assert f"{file} belongs to uid {STRANGER}, not to root: chown -h root {file}" in refused(scene)


def test_settings_of_a_stranger_are_read_where_the_environment_says_so(scene: Scene) -> None:
    os.chown(scene.settings, STRANGER, STRANGER)
    scene.agent(LBDISC_TRUSTED=str(scene.folder))
    scene.until_up("s1")


def test_settings_do_not_vouch_for_themselves(scene: Scene) -> None:
    scene.write_settings(core={"trusted": ["*"]})
    os.chown(scene.settings, STRANGER, STRANGER)
    assert f"the settings file {scene.settings} belongs to" in refused(scene)


def test_a_settings_file_that_lies_about_is_not_taken(scene: Scene) -> None:
    here = scene.folder / "shared"
    here.mkdir()
    here.chmod(0o1777)
    (here / "lbdisc.toml").write_text('[haproxy]\nbinary = "/bin/false"\n')
    os.chown(here / "lbdisc.toml", STRANGER, STRANGER)
    with Process([LBDISC, "nodes"], log=scene.folder / "nodes.log", cwd=here) as nodes:
        assert nodes.wait() == 2
    assert f"the settings file {here}/lbdisc.toml belongs to" in nodes.log_tail()
