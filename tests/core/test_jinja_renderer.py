"""The renderer: the lab's configuration, valid with any nodes, and nothing unescaped."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbdisc import Endpoint, Snapshot
from lbdisc.builtin.jinja2.quoting import quote
from lbdisc.builtin.jinja2.renderer import TEMPLATES, JinjaRenderer, JinjaSettings
from lbdisc.errors import RenderError, SettingsError

VARS = {"http_bind": "127.0.0.1:18080", "stats_bind": "127.0.0.1:18081", "cli_bind": ""}


def node(name: str, address: str = "10.0.0.1", **parts: object) -> Endpoint:
    known: dict[str, object] = {"service": "nodes", "port": 3000, **parts}
    return Endpoint(name=name, address=address, **known)  # type: ignore[arg-type]


def renderer(tmp_path: Path, template: str | None = None, **parts: object) -> JinjaRenderer:
    known: dict[str, object] = {
        "services": ("nodes",),
        "state_dir": tmp_path,
        "vars": VARS,
        **parts,
    }
    if template is not None:
        known["template"] = tmp_path / "own.j2"
        (tmp_path / "own.j2").write_text(template)
    return JinjaRenderer(JinjaSettings(**known))  # type: ignore[arg-type]


def accepted(text: str, folder: Path) -> str:
    """What `haproxy -c` says; fails the test when it refuses."""
    file = folder / "haproxy.cfg"
    file.write_text(text)
    (folder / "haproxy.state").write_text("1\n")
    done = subprocess.run(["haproxy", "-c", "-f", file], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("services", "snapshot", "extra"),
    [
        (("nodes",), [], {}),
        (("nodes",), [node("s1"), node("s2", "10.0.0.2")], {}),
        (("nodes",), [node("s1", "2001:db8::1", weight=0)], {"cookie": "SRV"}),
        (("nodes", "api"), [node("s1"), node("s1", service="api")], {}),
        (("nodes", "api"), [], {"services": {"api": {"path": "/api", "cookie": "A"}}}),
        (("nodes",), [], {"http_bind": ["127.0.0.1:18080", "127.0.0.1:18082"], "maxconn": 100}),
        (
            ("nodes",),
            [],
            {"cli_bind": "127.0.0.1:18083", "stats_bind": "", "log": "/dev/log local0"},
        ),
        (("nodes",), [node("s1")], {"balance": "leastconn", "check": "GET /health?a='b'"}),
        (("nodes",), [node("s1")], {"services": {"nodes": {"stick": "source"}}, "user": "nobody"}),
        (("nodes",), [node("s1")], {"hard_stop_after": "", "old_workers": 3}),
    ],
)
def test_haproxy_takes_what_is_rendered_without_a_warning(
    tmp_path: Path, services: tuple[str, ...], snapshot: list[Endpoint], extra: dict[str, object]
) -> None:
    made = renderer(tmp_path, services=services, vars={**VARS, **extra})
    assert "[WARNING]" not in accepted(made.render(Snapshot.of(snapshot)).text, tmp_path)


def test_the_labs_names_and_options_are_there(tmp_path: Path) -> None:
    text = renderer(tmp_path, vars={}).render(Snapshot.of([node("s1")])).text
    for line in (
        "frontend localnodes",
        "bind *:80",
        "backend nodes",
        "mode http",
        "balance roundrobin",
        "option forwardfor",
        "http-request set-header X-Forwarded-Port %[dst_port]",
        "server s1 10.0.0.1:3000 check weight 100",
        "bind 127.0.0.1:1936",
        "stats uri /",
        "timeout connect 5s",
        "timeout client 50s",
        "timeout server 50s",
    ):
        assert f"    {line}\n" in text or f"\n{line}\n" in text, line
    assert text.count("stats socket") == 1


def test_a_draining_endpoint_has_weight_zero(tmp_path: Path) -> None:
    text = renderer(tmp_path).render(Snapshot.of([node("s1", state="draining", weight=7)])).text
    assert "server s1 10.0.0.1:3000 check weight 0\n" in text


def test_a_host_name_is_resolved_at_run_time_and_never_stops_the_start(tmp_path: Path) -> None:
    text = renderer(tmp_path).render(Snapshot.of([node("s1", "no-such-host.invalid")])).text
    assert "server s1 no-such-host.invalid:3000 check weight 100 resolvers system" in text
    accepted(text, tmp_path)


def test_the_same_snapshot_gives_the_same_text(tmp_path: Path) -> None:
    made, snapshot = renderer(tmp_path), Snapshot.of([node("s2"), node("s1")])
    assert made.render(snapshot) == renderer(tmp_path).render(snapshot) == made.render(snapshot)


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("fine\n{{ services[0].nam }}\n", "line 2"),
        ("{{ missing }}", "line 1"),
        ("a\nb\n{{ 1 / 0 }}", "line 3"),
        ("{{ fail('no zone') }}", "no zone"),
        ("{{ services[0].__class__.__mro__ }}", "line 1"),
        ("{{ vars.update({'a': 1}) }}", "line 1"),
    ],
)
def test_an_error_names_the_templates_line(tmp_path: Path, template: str, line: str) -> None:
    with pytest.raises(RenderError, match=line) as caught:
        renderer(tmp_path, template).render(Snapshot())
    assert "own.j2" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_template_with_wrong_syntax_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"own\.j2, line 2"):
        renderer(tmp_path, "ok\n{% if %}\n")


def test_a_missing_template_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"jinja2\.template"):
        JinjaRenderer(JinjaSettings(services=("nodes",), template=tmp_path / "gone.j2"))


def test_a_template_that_declares_nothing_takes_any_variable_and_quotes_it(tmp_path: Path) -> None:
    hostile = "x'\n    bind :6666"
    with pytest.raises(RenderError, match="control characters"):
        renderer(tmp_path, "{{ vars.user | quote }}", vars={"user": hostile}).render(Snapshot())


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"chek": "HEAD /"}, ["jinja2.vars.chek", "did you mean 'check'?"]),
        ({"cookei": "SRV"}, ["jinja2.vars.cookei", "did you mean 'cookie'?"]),
        ({"mode": "tcp"}, ["jinja2.vars.mode", "it has: backup, balance"]),
        ({"maxconn": "lots"}, ["jinja2.vars.maxconn", "whole number", "not 'lots'"]),
        ({"maxconn": True}, ["jinja2.vars.maxconn", "whole number"]),
        ({"check": "/a b"}, ["jinja2.vars.check", "'/a b' is not a check"]),
        ({"check_inter": "soon"}, ["jinja2.vars.check_inter", "its type is time"]),
        ({"http_bind": "*:80\n    bind :6666"}, ["jinja2.vars.http_bind", "line breaks"]),
        ({"http_bind": ["*:80", 81]}, ["jinja2.vars.http_bind", "list of words"]),
        ({"log": "stdout # format raw"}, ["jinja2.vars.log", "quotes"]),
        ({"user": "x'\n    bind :6666"}, ["jinja2.vars.user", "line breaks"]),
        ({"services": {"nodes": {"hots": "a"}}}, ["services.nodes.hots", "did you mean 'host'?"]),
        ({"services": {"nodes": {"path": "api"}}}, ["services.nodes.path", "beginning with /"]),
        ({"services": ["nodes"]}, ["jinja2.vars.services", "table by name"]),
    ],
)
def test_a_variable_that_the_template_does_not_declare_so_is_named(
    tmp_path: Path, variables: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        renderer(tmp_path, vars=variables)
    assert [word for word in words if word not in str(caught.value)] == []
    assert "\n" not in str(caught.value)


OWN = """{#- [vars]
zone = { type = "text", default = "a", help = "where we are" }
ports = { type = "list of whole number" }
-#}
{{ vars.zone }}{% for port in vars.ports | default([]) %} {{ port }}{% endfor %}"""


def test_a_template_of_ones_own_declares_its_variables(tmp_path: Path) -> None:
    made = renderer(tmp_path, OWN, vars={"ports": [80, 81]})
    assert made.render(Snapshot()).text.strip() == "a 80 81"
    with pytest.raises(SettingsError, match=r"jinja2\.vars\.zoen.*did you mean 'zone'"):
        renderer(tmp_path, OWN, vars={"zoen": "b"})


def test_a_wrong_condition_names_its_variable(tmp_path: Path) -> None:
    wrong = '{# [vars]\nzone = { refused_if = { "zone is" = "no" } }\n#}'
    with pytest.raises(SettingsError, match=r"refused_if of jinja2\.vars\.zone: 'zone is'"):
        renderer(tmp_path, wrong, vars={"zone": "a"})


def test_either_of_two_types_may_be_true_or_false(tmp_path: Path) -> None:
    either = '{# [vars]\nzone = { type = "true or false or text" }\n#}{{ vars.zone }}'
    assert renderer(tmp_path, either, vars={"zone": True}).render(Snapshot()).text == "True"


def test_a_service_is_had_by_its_name(tmp_path: Path) -> None:
    template = '{{ service("api").endpoints | length }}{{ service(services[0].name).name }}'
    made = renderer(tmp_path, template, services=("nodes", "api"))
    assert made.render(Snapshot.of([node("s1", service="api")])).text == "1nodes"
    with pytest.raises(RenderError, match=r"no service 'aip' .*did you mean 'api'\?"):
        renderer(tmp_path, '{{ service("aip") }}', services=("nodes", "api")).render(Snapshot())


def test_what_an_included_template_declares_counts(tmp_path: Path) -> None:
    (tmp_path / "default.j2").write_text((TEMPLATES / "haproxy.cfg.j2").read_text())
    around = '{% include "default.j2" %}\nbackend own{{ vars.zone | default("") }}\n'
    text = renderer(tmp_path, around).render(Snapshot.of([node("s1")])).text
    accepted(text, tmp_path)
    assert "balance roundrobin" in text
    with pytest.raises(SettingsError, match="did you mean 'check'"):
        renderer(tmp_path, around, vars={**VARS, "chek": "/"})


@pytest.mark.parametrize(
    ("declared", "word"),
    [
        ('zone = { type = "texts" }', "no type 'texts'"),
        ('zone = { tpye = "text" }', "zone: no part 'tpye'"),
        ('zone = { type = "whole number", default = "x" }', "its default"),
        ('zone = "a"', "a table is needed"),
        ("zone = ", "line 2"),
        ("zone = { type = 3 }", "no type"),
        ("zone = { matches = '(' }", "zone"),
        ("zone = { members = { a = {} } }", "members are those of a table"),
        ('zone = { type = "list of table" }', "no type 'list of table'"),
        ('zone = { type = "time", default = "5" }', "its default"),
        ('zone = { type = "number", most = 1, default = 2 }', "2 is not at most 1"),
    ],
)
def test_a_wrong_declaration_names_the_template(tmp_path: Path, declared: str, word: str) -> None:
    with pytest.raises(SettingsError, match=r"own\.j2: its \[vars\]") as caught:
        renderer(tmp_path, f"{{# [vars]\n{declared}\n#}}", vars={})
    assert word in str(caught.value)


def test_by_default_a_connection_is_the_check_and_http_where_it_is_set(tmp_path: Path) -> None:
    def line(**variables: object) -> str:
        text = renderer(tmp_path, vars={**VARS, **variables}).render(Snapshot()).text
        return next((line.strip() for line in text.splitlines() if "httpchk" in line), "")

    assert line() == ""
    assert line(check="HEAD /") == "option httpchk HEAD /"
    assert line(check="/health") == "option httpchk GET /health"
    assert line(check="HEAD /", services={"nodes": {"check": ""}}) == ""


@given(
    st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cc", "Zl", "Zp", "Cs"]))
)
def test_quote_gives_one_word_that_unquotes_to_the_same(text: str) -> None:
    import shlex

    assert shlex.split(quote(text)) == [text]


NAMES = st.lists(st.sampled_from("abcdefgh"), max_size=8, unique=True)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(NAMES, NAMES), min_size=2, max_size=5))
def test_what_a_renderer_remembers_never_shows(states: list[tuple[list[str], list[str]]]) -> None:
    given_settings = JinjaSettings(services=("nodes", "api"), state_dir=Path("/state"))
    old = JinjaRenderer(given_settings)
    for number, (nodes, apis) in enumerate(states):
        members = [node(name, weight=number % 2) for name in nodes]
        snapshot = Snapshot.of([*members, *(node(name, service="api") for name in apis)])
        assert old.render(snapshot) == JinjaRenderer(given_settings).render(snapshot)


def test_only_what_changed_is_rendered_again(tmp_path: Path) -> None:
    seen = "{% macro line(e) %}{{ vars.seen.append(e.name) }}{% endmacro %}"
    template = seen + "{{ services[0].endpoints | each(line) }}"
    names: list[str] = []

    class Seen:
        def append(self, name: str) -> str:
            names.append(name)
            return f"{name} "

    made = renderer(tmp_path, template, vars={"seen": Seen()})
    endpoints = [node(f"s{number}") for number in range(9)]
    assert made.render(Snapshot.of(endpoints)).text.count("s") == 9
    names.clear()
    made.render(Snapshot.of([*endpoints, node("s44")]))
    made.render(Snapshot.of(endpoints[1:]))
    assert names == ["s44"]
