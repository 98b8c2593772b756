"""Secrets of a template stay in the file that HAProxy reads, and nowhere else."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from support.scene import LBDISC, Scene

KEY, PASSWORD = "hunter2-key", "hunter2-password"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path, vars=given(KEY), log={"level": "debug"}) as made:
        made.join("s1")
        made.agent()
        made.until_up("s1")
        yield made


def given(key: str) -> dict[str, object]:
    return {"cookie": "S", "cookie_key": key, "stats_password": PASSWORD}


def said(scene: Scene, *words: str) -> str:
    command = [LBDISC, *words, "--config", str(scene.settings)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def holders(scene: Scene) -> list[str]:
    """The files that hold a secret."""
    files = (path for path in scene.folder.rglob("*") if path.is_file())
    return sorted(path.name for path in files if b"hunter2" in path.read_bytes())


def test_logs_status_and_notes_hold_none(scene: Scene) -> None:
    scene.write_settings(vars=given("hunter2-other"))
    scene.hup()
    eventually(lambda: "hunter2-other" in scene.config)
    scene.write_settings(vars={**given(KEY), "log": "no such target"})
    scene.hup()
    eventually(lambda: scene.status.get("settings_refused"), what="a refusal")
    assert holders(scene) == ["haproxy.cfg", "lbdisc.toml"]


def test_commands_say_none(scene: Scene) -> None:
    scene.write_settings(vars=given("hunter2-other"))
    assert f"+    dynamic-cookie-key {'*' * 8}" in said(scene, "render", "--diff")
    for words in (
        *(["render", "--diff"], ["plan"], ["plan", "--json"], ["config", "show"], ["status"]),
        *(["config", "show", "--json"], ["config", "check"], ["guard"], ["nodes"]),
    ):
        assert "hunter2" not in said(scene, *words), words


def test_only_the_owner_and_the_group_read_the_file(scene: Scene) -> None:
    assert (scene.state / "haproxy.cfg").stat().st_mode & 0o777 == 0o640
    scene.join("s2")
    scene.until_up("s1", "s2")
    eventually(lambda: "server s2 " in scene.config)
    assert (scene.state / "haproxy.cfg").stat().st_mode & 0o777 == 0o640


def test_no_command_line_holds_one(scene: Scene) -> None:
    lines = []
    for number in (pid for pid in os.listdir("/proc") if pid.isdigit()):  # noqa: PTH208
        try:
            lines.append((Path("/proc") / number / "cmdline").read_bytes())
        except OSError:
            continue
    assert not [line for line in lines if b"hunter2-" in line]
