"""Reloader ``command``: checked, installed, reloaded; restored when that fails."""

import subprocess
import time
from pathlib import Path

import pytest

from lbdisc import Applied, Endpoint, Rendered
from lbdisc.builtin.command.reloader import CommandReloader, CommandSettings
from lbdisc.errors import ApplyError, CheckError, SettingsError
from lbdisc.planned import Nothing, Reload, Start
from lbdisc.testing.waiting import eventually

S1 = Endpoint(service="nodes", name="s1", address="10.0.0.1", port=3000, state="draining")
S2 = Endpoint(service="nodes", name="s2", address="10.0.0.2", port=3000, state="draining")


def reloader(**settings: object) -> CommandReloader:
    return CommandReloader(CommandSettings(**{"reload": "true", **settings}))  # type: ignore[arg-type]


def applied(made: CommandReloader, config: Path, text: str, **files: str) -> Applied:
    """`files` go by their names without the suffix `.map`."""
    further = {f"{name}.map": content for name, content in files.items()}
    return made.apply(made.plan(config, None, Rendered(text, tuple(further.items()))))


def test_a_checked_file_is_installed_and_reloaded(tmp_path: Path) -> None:
    config = tmp_path / "lb.conf"
    made = reloader(check="grep -q good {file}", reload=f"cp {{file}} {tmp_path}/seen")
    assert isinstance(applied(made, config, "good").how, Reload)
    assert config.read_text() == (tmp_path / "seen").read_text() == "good"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lb.conf", "seen"]


def test_a_refused_file_never_replaces_the_good_one(tmp_path: Path) -> None:
    config = tmp_path / "lb.conf"
    config.write_text("good")
    with pytest.raises(CheckError, match=r"command\.check refuses it: exit code 3: line 7 is odd"):
        applied(reloader(check="sh -c 'echo line 7 is odd; exit 3'"), config, "bad")
    assert config.read_text() == "good"


def test_a_refusal_names_the_file_that_would_be(tmp_path: Path) -> None:
    made = reloader(check="sh -c 'echo $0: line 7 is odd; exit 3' {file}")
    for files in ({}, {"a": "text"}):
        with pytest.raises(CheckError, match=rf": {tmp_path}/lb\.conf: line 7 is odd$"):
            applied(made, tmp_path / "lb.conf", "bad", **files)


def test_a_failed_reload_brings_back_the_last_good_files(tmp_path: Path) -> None:
    config = tmp_path / "lb.conf"
    applied(reloader(), config, "good", a="good", b="good")
    with pytest.raises(ApplyError, match=r"command\.reload failed: exit code 1"):
        applied(reloader(reload="false"), config, "bad", a="bad", c="bad")
    found = {path.name: path.read_text() for path in tmp_path.glob("*.*")}
    assert {n: t for n, t in found.items() if n[0] != "."} == {
        "lb.conf": "good",
        "a.map": "good",
        "b.map": "good",
    }


def test_a_first_file_stays_though_the_reload_fails_so_that_something_can_start(
    tmp_path: Path,
) -> None:
    config = tmp_path / "lb.conf"
    with pytest.raises(ApplyError, match=r"command\.reload failed"):
        applied(reloader(reload="false"), config, "good", a="good")
    assert config.read_text() == (tmp_path / "a.map").read_text() == "good"


def test_a_first_file_that_is_refused_does_not_stay(tmp_path: Path) -> None:
    with pytest.raises(CheckError):
        applied(reloader(check="false"), tmp_path / "lb.conf", "bad", a="bad")
    assert list(tmp_path.iterdir()) == []


def test_the_plan_says_why_it_is_a_reload(tmp_path: Path) -> None:
    made, config = reloader(verify="false"), tmp_path / "lb.conf"
    one, two = Rendered("text"), Rendered("text", (("hosts.map", "a b"),))
    assert isinstance(made.plan(config, None, one).how, Start)
    assert made.plan(config, one, one).how == Nothing()
    assert made.plan(config, one, Rendered("other")).how == Reload("the text changed")
    assert made.plan(config, one, two).how == Reload("file hosts.map: new")
    made.verify(one, thorough=False)
    assert made.plan(config, one, one).how == Reload("command.verify: exit code 1")


def test_a_command_that_hangs_is_killed_with_all_its_children(tmp_path: Path) -> None:
    marker = f"sleep 4{tmp_path.name[-1]}.{abs(hash(tmp_path)) % 10**6}"
    made = reloader(reload=f"sh -c '{marker} & {marker}'", reload_timeout=0.3)
    with pytest.raises(ApplyError, match=r"took longer than 0\.3 s"):
        applied(made, tmp_path / "lb.conf", "text")
    found = subprocess.run(["pgrep", "-f", marker], capture_output=True, timeout=10)
    assert found.stdout == b""


def test_a_missing_program_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"command\.reload: cannot start no-such-program"):
        applied(reloader(reload="no-such-program"), tmp_path / "lb.conf", "text")


@pytest.mark.parametrize("settings", [{"reload": ""}, {"reload": "sh -c 'open"}])
def test_a_reload_command_is_needed(settings: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"command\.reload"):
        reloader(**settings)


@pytest.mark.parametrize("thorough", [True, False])
def test_verify_asks_the_operators_command_at_each_look(tmp_path: Path, thorough: bool) -> None:
    made = reloader(verify=f"test -e {tmp_path}/alive")
    assert "exit code 1" in made.verify(Rendered("text"), thorough=thorough)
    (tmp_path / "alive").touch()
    assert made.verify(Rendered("text"), thorough=thorough) == ""


def test_a_verify_command_that_is_missing_is_named_not_fatal() -> None:
    said = reloader(verify="no-such-program").verify(Rendered("text"), thorough=False)
    assert "command.verify: cannot start no-such-program" in said


def test_without_a_way_to_know_nothing_counts_as_drained() -> None:
    assert list(reloader().drained([S1, S2])) == []


def test_the_operators_command_says_who_is_drained(tmp_path: Path) -> None:
    (tmp_path / "nodes-s1-10.0.0.1-3000").touch()
    made = reloader(drained=f"test -e {tmp_path}/{{service}}-{{name}}-{{address}}-{{port}}")
    assert list(made.drained([S1, S2])) == [S1]


def test_a_drained_command_that_hangs_holds_nobody_up() -> None:
    made, began = reloader(drained="sleep 30"), time.monotonic()
    assert list(made.drained([S1, S2])) == []
    assert time.monotonic() - began < 5


def test_drain_time_counts_from_the_first_question() -> None:
    made = reloader(drain_time=0.2)
    assert list(made.drained([S1])) == []
    eventually(lambda: list(made.drained([S1])) == [S1], deadline=10)
    assert list(made.drained([S1, S2])) == [S1]


def test_with_both_the_command_is_asked_after_the_time(tmp_path: Path) -> None:
    made = reloader(drain_time=0.2, drained=f"touch {tmp_path}/asked")
    assert list(made.drained([S1])) == []
    assert not (tmp_path / "asked").exists()
    eventually(lambda: list(made.drained([S1])) == [S1], deadline=10)
