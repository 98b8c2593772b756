"""What the programs that lbdisc starts get of its environment."""

import ast
from pathlib import Path

import pytest

from lbdisc.builtin.command.reloader import CommandReloader, CommandSettings
from lbdisc.environment import for_child, secrets_in
from lbdisc.errors import CheckError, SettingsError
from lbdisc.haproxy.process.surroundings import Surroundings
from lbdisc.register.checks import parse
from lbdisc.register.child import Child
from lbdisc.secrecy import is_secret
from lbdisc.settings.loading import load
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint

ROOT = Path(__file__).parents[2]
SECRET = "LBDISC_ETCD_PASSWORD"
GIVEN = {SECRET: "hunter2", "LBDISC_STATE_DIR": "/s", "NOTIFY_SOCKET": "/n", "PATH": "/bin"}
FINDS = f"sh -c 'test -z \"${SECRET}\" || exit 3'"


def sources() -> list[Path]:
    found = [path for name in ("core", "plugins") for path in (ROOT / name).rglob("*.py")]
    return [p for p in found if "testing" not in p.parts and "lbdisc_lab" not in p.parts]


def starts(path: Path) -> list[ast.Call]:
    calls = (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call))
    return [c for c in calls if ast.unparse(c.func) in ("subprocess.Popen", "subprocess.run")]


def test_every_program_that_is_started_is_given_an_environment() -> None:
    found = {path: call for path in sources() for call in starts(path)}
    assert len(found) >= 6
    without = [p for p, call in found.items() if "env" not in {k.arg for k in call.keywords}]
    assert without == []


def test_a_child_gets_no_setting_and_nothing_of_the_supervisor() -> None:
    assert for_child((), GIVEN) == {"PATH": "/bin"}


@pytest.mark.parametrize("passed", ["LBDISC_STATE_DIR", "LBDISC_STATE*"])
def test_a_child_gets_the_settings_that_are_named(passed: str) -> None:
    assert for_child((passed,), GIVEN) == {"PATH": "/bin", "LBDISC_STATE_DIR": "/s"}


def test_a_started_haproxy_is_believed_to_have_what_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(SECRET, "hunter2")
    assert SECRET not in Surroundings.own().variables
    assert Surroundings.own((SECRET,)).variables[SECRET] == "hunter2"


def test_the_commands_of_a_reloader_get_no_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, "hunter2")
    CommandReloader(CommandSettings(reload="true", check=FINDS)).check(tmp_path)
    asked = CommandSettings(reload="true", check=FINDS, pass_environment=(SECRET,))
    with pytest.raises(CheckError, match="exit code 3"):
        CommandReloader(asked).check(tmp_path)


def test_a_check_command_gets_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "hunter2")
    endpoint = Endpoint(service="web", name="one", address="10.0.0.1", port=80)
    assert parse(FINDS, timeout=10)(endpoint) == ""
    assert "exit code 3" in parse(FINDS, timeout=10, passed=(SECRET,))(endpoint)


@pytest.mark.parametrize(("passed", "lines"), [((), 0), (("LBDISC_ETCD_*",), 1)])
def test_a_wrapped_command_gets_no_setting_unless_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passed: tuple[str, ...], lines: int
) -> None:
    monkeypatch.setenv(SECRET, "hunter2")
    monkeypatch.setenv("APP_COLOUR", "green")
    there, codes = tmp_path / "environment", list[int]()
    Child(["sh", "-c", f"env > {there}"], passed).start(codes.append)
    eventually(lambda: bool(codes))
    assert there.read_text().count("hunter2") == lines
    assert "APP_COLOUR=green" in there.read_text()


def test_variables_of_others_need_not_be_named() -> None:
    with pytest.raises(
        SettingsError, match=r"register\.pass_environment.*'PATH' is no variable of"
    ):
        load({}, environment={"LBDISC_REGISTER_PASS_ENVIRONMENT": "PATH"})


def test_secrets_in_the_environment_of_another_are_found_by_name() -> None:
    there = {**GIVEN, "LBDISC_ETCD_PASSWORD_FILE": "/p", "LBDISC_JINJA2_VARS": "{}"}
    assert list(secrets_in(there)) == [SECRET, "LBDISC_JINJA2_VARS"]
    assert list(secrets_in(there, [SECRET])) == ["LBDISC_JINJA2_VARS"]


@pytest.mark.parametrize("name", ["cookie_key", "PASSWORD", "apiToken", "db.passwd", "rpc-key"])
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["password_file", "http_keep_alive", "monkey", "keyboard", ""])
def test_what_only_resembles_a_secret_is_none(name: str) -> None:
    assert not is_secret(name)
