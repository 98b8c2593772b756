"""Tags in templates: what anybody may have written gets in as one word, or not at all."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lbdisc import Endpoint, Snapshot
from lbdisc.builtin.jinja2.renderer import JinjaRenderer, JinjaSettings
from lbdisc.errors import RenderError
from lbdisc.haproxy.language.words import split

TAGS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.isprintable)
ODD = (
    "a b",
    "a#b",
    "a'b",
    'a"b',
    "a\\",
    "a;b",
    "%[env(HOME)]",
    "-f",
    "$HOME",
    "{x}",
    "\u00e9",
    "(",
)


def rendered(folder: Path, template: str, tag: str) -> str:
    path = folder / "own.j2"
    path.write_text("{% set e = services[0].endpoints[0] %}" + template)
    node = Endpoint(service="web", name="s1", address="10.0.0.1", port=80, tags=(("zone", tag),))
    made = JinjaSettings(services=("web",), template=path, state_dir=folder)
    return JinjaRenderer(made).render(Snapshot.of([node])).text


@pytest.mark.parametrize("tag", ODD)
@pytest.mark.parametrize(
    "expression",
    [
        'e.tag("zone")',
        '"x" ~ e.tag("zone")',
        '"x" + e.tag("zone")',
        'e["tag"]("zone")',
        'e | attr("tags") | map("last") | join("-")',
        "e.tags[0][1] | upper",
        'e.tag("zone") | replace("b", "c")',
        '"%s" | format(e.tag("zone"))',
        '[e] | map(attribute="tags") | map("first") | map("last") | join',
        '(e.tag("zone") ~ "") | quote',
    ],
)
def test_what_is_no_plain_word_gets_in_in_no_other_way_than_quoted(
    tmp_path: Path, expression: str, tag: str
) -> None:
    with pytest.raises(RenderError) as caught:
        rendered(tmp_path, f"{{{{ {expression} }}}}", tag)
    assert "own.j2, line 1" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_error_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"the tag zone='a b' is no plain word: .* `\| quote`"):
        rendered(tmp_path, '{{ e.tag("zone") }}', "a b")


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(TAGS)
def test_quoted_it_is_one_word_or_its_endpoint_is_refused(tmp_path: Path, tag: str) -> None:
    template = 'http-request set-header X-Zone {{ e.tag("zone") | quote }} if TRUE'
    try:
        text = rendered(tmp_path, template, tag)
    except RenderError:
        assert "%" in tag
    else:
        assert split(text)[0] == ("http-request", "set-header", "X-Zone", tag, "if", "TRUE")


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(TAGS)
def test_unquoted_it_is_one_word_or_its_endpoint_is_refused(tmp_path: Path, tag: str) -> None:
    try:
        text = rendered(tmp_path, 'server s1 10.0.0.1:80 cookie {{ e.tag("zone") }}', tag)
    except RenderError:
        return
    assert split(text)[0] == ("server", "s1", "10.0.0.1:80", "cookie", tag)
    assert "%" not in tag
    assert not tag.startswith("-")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("e.tag('zone') == 'a b'", "True"),
        ("e.tag('zone') in ['a b']", "True"),
        ("'a' in e.tag('zone')", "True"),
        ("e.tag('zone').split(' ')[1]", "b"),
        ("e.tag('zone') | length", "3"),
        ("e is tagged('zone=a b')", "True"),
        ("e.tag('none', 'x')", "x"),
        ("e.tags | tojson", '[["zone", "a b"]]'),
        ("e.tag('zone') | verbatim", "a b"),
        ("e.tag('zone') | quote", "'a b'"),
    ],
)
def test_it_can_still_be_asked(tmp_path: Path, expression: str, text: str) -> None:
    assert rendered(tmp_path, f"{{{{ {expression} }}}}", "a b") == text


def test_a_plain_one_is_a_text_like_any_other(tmp_path: Path) -> None:
    assert rendered(tmp_path, '{{ "zone-" ~ e.tag("zone") | upper }}', "eu-1.a") == "zone-EU-1.A"


def test_nobody_gets_at_the_text_behind_it(tmp_path: Path) -> None:
    with pytest.raises(RenderError):
        rendered(tmp_path, '{{ e.tag("zone")._text }}', "a b")
