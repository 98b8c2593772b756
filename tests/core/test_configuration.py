"""Settings: precedence, origins, secrets, and one clear line for every mistake."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from lbdisc.errors import SettingsError
from lbdisc.settings.loading import Settings, load
from lbdisc.settings.sources import leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A plugin's table."""

    endpoints: tuple[str, ...] = ("a:1",)
    ttl: float = 10.0
    password: SecretStr | None = None
    folder: Path = Path("{state_dir}/sample")
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Free:
    """A table whose member takes anything."""

    vars: dict[str, Any] = field(default_factory=dict)


TABLES = {"sample": Sample}


def loaded(
    tmp_path: Path, toml: str = "", env: dict[str, str] | None = None, **flags: object
) -> Settings:
    file = tmp_path / "lbdisc.toml"
    file.write_text(toml)
    return load(TABLES, file=file, environment=env or {}, flags=flags)


def origin(settings: Settings, key: str) -> str:
    return next(row.origin for row in settings.rows if row.key == key)


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    toml = 'backend = "from-file"\nrenderer = "from-file"\nreloader = "from-file"'
    env = {"LBDISC_BACKEND": "from-env", "LBDISC_RENDERER": "from-env"}
    settings = loaded(tmp_path, toml, env, backend="from-flag")
    core = settings.core
    assert (core.backend, core.renderer, core.reloader) == ("from-flag", "from-env", "from-file")
    assert core.services == ("nodes",)
    assert [origin(settings, k) for k in ("backend", "renderer", "reloader", "services")] == [
        "flag",
        "environment LBDISC_RENDERER",
        str(tmp_path / "lbdisc.toml"),
        "default",
    ]


def test_a_plugins_table_comes_from_file_and_environment(tmp_path: Path) -> None:
    env = {"LBDISC_SAMPLE_ENDPOINTS": "a:1, b:2", "LBDISC_SAMPLE_LABELS": '{"x": "y"}'}
    table = loaded(tmp_path, "[sample]\nttl = 3", env).table("sample")
    assert (table.endpoints, table.ttl, table.labels) == (("a:1", "b:2"), 3.0, {"x": "y"})


def test_state_dir_is_filled_in(tmp_path: Path) -> None:
    settings = loaded(tmp_path, f'state_dir = "{tmp_path}"')
    assert settings.table("sample").folder == tmp_path / "sample"
    assert settings.core.output == tmp_path / "haproxy.cfg"


def test_assignments_are_flags(tmp_path: Path) -> None:
    settings = load(
        TABLES, environment={}, assignments=["sample.ttl=4", "sample.endpoints=x:1,y:2"]
    )
    assert settings.table("sample").ttl == 4
    assert settings.table("sample").endpoints == ("x:1", "y:2")


@pytest.mark.parametrize(
    ("toml", "env", "words"),
    [
        ("backnd = 1", {}, ["unknown setting 'backnd'", "lbdisc.toml", "did you mean 'backend'?"]),
        ("[sample]\ntll = 1", {}, ["'sample.tll'", "did you mean 'sample.ttl'?"]),
        ("[smaple]\nttl = 1", {}, ["'smaple.ttl'", "did you mean 'sample.ttl'?"]),
        ("[nothing]", {}, ["unknown setting 'nothing'"]),
        ("", {"LBDISC_BACKNED": "x"}, ["LBDISC_BACKNED", "did you mean 'LBDISC_BACKEND'?"]),
        ("[sample]\nttl = 'soon'", {}, ["sample.ttl", "lbdisc.toml", "not 'soon'"]),
        ("", {"LBDISC_SAMPLE_TTL": "soon"}, ["sample.ttl (environment LBDISC_SAMPLE_TTL)"]),
        ("[register]\nport = 70000", {}, ["register.port", "65535", "not 70000"]),
        (
            "services = ['web', '_agents']",
            {},
            ["bad setting services", "'_agents'", "lbdisc's own"],
        ),
        ("", {"LBDISC_REGISTER_SERVICE": "_x"}, ["register.service (environment", "'_x'"]),
        ("[log]\nlevel = 'loud'", {}, ["log.level", "'debug'"]),
        ("backend = ", {}, ["cannot read the settings file", "lbdisc.toml"]),
        ("sample = 3", {}, ["sample", "table"]),
        ("", {"LBDISC_SAMPLE_LABELS": "{"}, ["LBDISC_SAMPLE_LABELS", "JSON"]),
        ("", {"LBDISC_SAMPLE_LABELS": "null"}, ["sample.labels", "a table is needed"]),
        ("", {"LBDISC_SAMPLE_LABELS": "[1]"}, ["sample.labels", "a table is needed, not [1]"]),
        ("services = 'web'", {}, ["services", """a list is needed, as ["web"], not 'web'"""]),
        ("services = []", {}, ["services", "name one service at least"]),
        ("", {"LBDISC_SERVICES": ""}, ["services (environment", "name one service at least"]),
        ("services = ['a', 'b', 'a']", {}, ["services", "'a' is there twice"]),
        ("services = ['a b']", {}, ["services", "bad name of a service 'a b'"]),
        ("[sample]\nendpoints = 'a:1'", {}, ["sample.endpoints", 'as ["a:1"]']),
        ("[agent]\nquiet = -1", {}, ["agent.quiet", "it has to be greater", "not -1"]),
        ("[agent]\nquiet = nan", {}, ["agent.quiet", "a finite number"]),
        ("[agent]\nquiet = true", {}, ["agent.quiet", "a number is needed, not true"]),
        ("[register]\nport = true", {}, ["register.port", "a number is needed, not true"]),
        ("[agent]\nannounce = 'perhaps'", {}, ["agent.announce", "true or false is needed"]),
        ("[backend]\nname = 1", {}, ["backend", "a text is needed, not a table"]),
        ("backend = ''", {}, ["backend", "it may not be empty"]),
        ("state_dir = ''", {}, ["state_dir", "a path is needed, not ''"]),
        ('state_dir = "/a\\u0000b"', {}, ["state_dir", "a path is needed"]),
        ('renderer = "a\\u0000b"', {}, ["renderer", "holds a NUL"]),
    ],
)
def test_a_mistake_is_one_line_that_names_it(
    tmp_path: Path, toml: str, env: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, toml, env)
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


def test_a_table_is_merged_key_by_key_with_the_origin_of_each(tmp_path: Path) -> None:
    file = tmp_path / "lbdisc.toml"
    file.write_text('[sample.labels]\na = "file"\nb = "file"\nc = "file"')
    env = {"LBDISC_SAMPLE_LABELS": '{"b": "env", "c": "env"}'}
    assignments = ["sample.labels.c=flag", "sample.labels.d.e=flag"]
    settings = load(TABLES, file=file, environment=env, assignments=assignments)
    assert settings.table("sample").labels == {"a": "file", "b": "env", "c": "flag", "d.e": "flag"}
    assert [origin(settings, f"sample.labels.{key}") for key in ("a", "b", "c", "d.e")] == [
        str(file),
        "environment LBDISC_SAMPLE_LABELS",
        "flag",
        "flag",
    ]


def test_an_assignment_into_a_free_table_is_json_or_text_and_may_go_deeper() -> None:
    assignments = ['free.vars={"list": ["x"], "limits": {"least": 1}}']
    assignments += ["free.vars.check=HEAD /", "free.vars.limits.most=3"]
    table = load({"free": Free}, environment={}, assignments=assignments).table("free")
    assert table.vars == {"list": ["x"], "check": "HEAD /", "limits": {"least": 1, "most": 3}}


def test_a_file_that_is_no_text_is_named_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "lbdisc.toml").write_bytes(b'backend = "\xff"')
    with pytest.raises(SettingsError, match=r"lbdisc\.toml: byte 11 is no UTF-8"):
        load(TABLES, file=tmp_path / "lbdisc.toml", environment={})


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml: No such file"):
        load(TABLES, file=tmp_path / "gone.toml", environment={})


def test_an_assignment_without_a_known_key_is_refused() -> None:
    with pytest.raises(SettingsError, match="KEY=VALUE"):
        load(TABLES, environment={}, assignments=["backend"])
    with pytest.raises(SettingsError, match=r"did you mean 'sample\.ttl'"):
        load(TABLES, environment={}, assignments=["sample.tl=1"])


def test_a_secret_from_a_file_is_read_and_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    settings = loaded(tmp_path, f'[sample]\npassword_file = "{secret}"')
    assert settings.table("sample").password.get_secret_value() == "hush"
    assert "hush" not in repr(settings.rows) + repr(settings.table("sample"))
    assert origin(settings, "sample.password").startswith(f"{secret}, named by")


def test_a_secret_given_twice_is_refused_without_showing_it(tmp_path: Path) -> None:
    toml = f'[sample]\npassword_file = "{tmp_path / "secret"}"'
    with pytest.raises(SettingsError, match="give one") as caught:
        loaded(tmp_path, toml, {"LBDISC_SAMPLE_PASSWORD": "hush"})
    assert "hush" not in str(caught.value)


def test_a_secret_of_the_wrong_type_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, "[sample]\npassword = 4711")
    assert "4711" not in str(caught.value)


def test_an_unreadable_secret_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"sample\.password_file: cannot read .*/gone: No such"):
        loaded(tmp_path, f'[sample]\npassword_file = "{tmp_path / "gone"}"')


def test_what_a_cluster_injects_for_a_service_of_our_name_is_passed_over(tmp_path: Path) -> None:
    loaded(tmp_path, "", {"LBDISC_SERVICE_HOST": "10.0.0.1", "LBDISC_PORT_80_TCP": "tcp://x"})


def test_every_setting_has_a_line_of_help() -> None:
    from lbdisc.plugins import Plugins

    without = [leaf.key for leaf in leaves(Plugins.load([]).tables).values() if not leaf.help]
    assert without == []


def test_the_settings_of_a_broken_plugin_stop_nobody(tmp_path: Path) -> None:
    (tmp_path / "lbdisc.toml").write_text("[sad]\nendpoints = ['a:1']\n[sample]\nttl = 3\n")
    settings = load(
        TABLES,
        file=tmp_path / "lbdisc.toml",
        environment={"LBDISC_SAD_TTL": "5"},
        broken={"sad"},
    )
    assert settings.table("sample").ttl == 3
