"""Reloader ``command``: checked, installed, reloaded; restored when that fails."""

import subprocess
from pathlib import Path

import pytest

from lbdisc.command_reloader import CommandReloader, CommandSettings
from lbdisc.errors import ApplyError, CheckError, SettingsError


def reloader(**settings: object) -> CommandReloader:
    return CommandReloader(CommandSettings(**{"reload": "true", **settings}))  # type: ignore[arg-type]


def test_a_checked_file_is_installed_and_reloaded(tmp_path: Path) -> None:
    config = tmp_path / "lb.conf"
    made = reloader(check="grep -q good {file}", reload=f"cp {{file}} {tmp_path}/seen")
    assert made.apply(config, "good").how == "reload"
    assert config.read_text() == (tmp_path / "seen").read_text() == "good"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lb.conf", "seen"]


def test_a_refused_file_never_replaces_the_good_one(tmp_path: Path) -> None:
    config = tmp_path / "lb.conf"
    config.write_text("good")
    with pytest.raises(CheckError, match=r"command\.check refuses it: exit code 3: line 7 is odd"):
        reloader(check="sh -c 'echo line 7 is odd; exit 3'").apply(config, "bad")
    assert config.read_text() == "good"


def test_a_failed_reload_brings_back_the_last_good_file(tmp_path: Path) -> None:
    config = tmp_path / "lb.conf"
    config.write_text("good")
    with pytest.raises(ApplyError, match=r"command\.reload failed: exit code 1"):
        reloader(reload="false").apply(config, "bad")
    assert config.read_text() == "good"


def test_a_command_that_hangs_is_killed_with_all_its_children(tmp_path: Path) -> None:
    marker = f"sleep 4{tmp_path.name[-1]}.{abs(hash(tmp_path)) % 10**6}"
    made = reloader(reload=f"sh -c '{marker} & {marker}'", reload_timeout=0.3)
    with pytest.raises(ApplyError, match=r"took longer than 0\.3 s"):
        made.apply(tmp_path / "lb.conf", "text")
    found = subprocess.run(["pgrep", "-f", marker], capture_output=True, timeout=10)
    assert found.stdout == b""


def test_a_missing_program_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"command\.reload: cannot start no-such-program"):
        reloader(reload="no-such-program").apply(tmp_path / "lb.conf", "text")


@pytest.mark.parametrize("settings", [{"reload": ""}, {"reload": "sh -c 'open"}])
def test_a_reload_command_is_needed(settings: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"command\.reload"):
        reloader(**settings)


def test_verify_believes_the_operators_command(tmp_path: Path) -> None:
    made = reloader(verify=f"test -e {tmp_path}/alive")
    assert "exit code 1" in made.verify("text", thorough=True)
    (tmp_path / "alive").touch()
    assert made.verify("text", thorough=True) == ""
