"""Secrets among a template's variables: from files, drawn, and never shown."""

from pathlib import Path
from typing import Any

import pytest

from lbdisc import Endpoint, Snapshot
from lbdisc.builtin.jinja2.renderer import JinjaRenderer, JinjaSettings
from lbdisc.errors import RenderError, SettingsError
from lbdisc.plugins import Plugins
from lbdisc.secrecy import MASK
from lbdisc.settings.loading import load

NODES = Snapshot.of([Endpoint(service="nodes", name="s1", address="10.0.0.1", port=80)])


def key_line(folder: Path, **variables: Any) -> str:
    made = JinjaSettings(services=("nodes",), state_dir=folder, vars={"cookie": "S", **variables})
    text = JinjaRenderer(made).render(NODES).text
    return next(line.strip() for line in text.split("\n") if "dynamic-cookie-key" in line)


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hunter 2\n")
    found = key_line(tmp_path, cookie_key_file=str(tmp_path / "key"))
    assert found == "dynamic-cookie-key 'hunter 2'"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cookie_key_file": "/none"}, "cookie_key_file: cannot read /none: No such file"),
        ({"cookie_key_file": 7}, "the path of a file is needed"),
        ({"cookie_key": "a", "cookie_key_file": "/k"}, "are set: give one"),
        ({"cookie_key": "hunter\n2"}, "cookie_key: its type is secret (a text, not empty"),
        ({"cookie_key": 7}, "its type is secret"),
        ({"stats_password": ""}, "stats_password: its type is secret"),
    ],
)
def test_what_is_wrong_is_one_line_without_the_secret(
    tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        key_line(tmp_path, **given)
    assert words in str(caught.value)
    assert "hunter" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_that_is_not_set_is_drawn_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    first, kept = key_line(tmp_path), tmp_path / "cookie_key.secret"
    assert len(first.split()[1]) == 32
    assert kept.stat().st_mode & 0o777 == 0o600
    assert key_line(tmp_path) == first
    assert key_line(tmp_path, cookie_key="mine") == "dynamic-cookie-key mine"


def test_two_balancers_draw_two_keys(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    assert key_line(tmp_path / "one") != key_line(tmp_path / "two")


def test_without_cookies_nothing_is_drawn(tmp_path: Path) -> None:
    made = JinjaSettings(services=("nodes",), state_dir=tmp_path)
    JinjaRenderer(made).render(NODES)
    assert list(tmp_path.iterdir()) == []


def test_who_has_no_state_keeps_nothing(tmp_path: Path) -> None:
    key_line(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_key_is_drawn_anew(tmp_path: Path) -> None:
    (tmp_path / "cookie_key.secret").write_text("")
    assert key_line(tmp_path) == key_line(tmp_path)


def test_a_kept_key_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "cookie_key.secret").mkdir()
    with pytest.raises(RenderError, match=r"cannot be read from .*cookie_key\.secret"):
        key_line(tmp_path)


@pytest.mark.parametrize("name", ["cookie_key", "stats_password"])
def test_config_show_masks_what_the_template_declares_as_secret(name: str) -> None:
    assert shown({name: "hunter2"})[f"jinja2.vars.{name}"] == MASK


def test_and_by_its_name_what_no_template_declares(tmp_path: Path) -> None:
    own = tmp_path / "own.j2"
    own.write_text("")
    given = {"api": {"token": "hunter2"}, "password_file": "/p", "zone": "a"}
    rows = shown(given, **{"jinja2.template": str(own)})
    assert rows["jinja2.vars.api.token"] == MASK
    assert rows["jinja2.vars.password_file"] == "/p"
    assert rows["jinja2.vars.zone"] == "a"


def shown(variables: dict[str, Any], **flags: Any) -> dict[str, Any]:
    tables = Plugins.load().tables
    found = load(tables, environment={}, flags={"jinja2.vars": variables, **flags})
    return {row.key: row.value for row in found.rows}
