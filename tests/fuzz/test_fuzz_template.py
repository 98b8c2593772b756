"""Whatever the operator's variables and the endpoints' tags hold, it makes no line of its own."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from fuzz import words
from fuzz.exploring import Explore
from lbdisc import Endpoint, Snapshot
from lbdisc.builtin.jinja2.renderer import TEMPLATES, JinjaRenderer, JinjaSettings
from lbdisc.builtin.jinja2.variables import Variable, declared_in
from lbdisc.errors import LbdiscError
from lbdisc.haproxy.language.text import parse

SERVICES = ("nodes", "api")
TEMPLATE = TEMPLATES / "haproxy.cfg.j2"
EVIL = "evil"  # how each line begins that somebody tries to smuggle in
# What could end a line, a word or a quote, and go on as another.
ENDS = (
    *("\n", "\r", "\r\n", "\0", "\x0b", "\x0c", "\x85", "\u2028", "'", '"', "\\", "\\\n", "#"),
    *("' ", '" ', "{{", "{%", "%[", "$", "${", ";", "\n\n", "'\n", "\\'\n", "\\x0a", "%0a"),
)
PRINTABLE = tuple(end for end in ENDS if end.isprintable())


def smuggling(*ends: str) -> st.SearchStrategy[str]:
    return st.builds(
        lambda before, end, again: f"{before}{end}{EVIL} x{again}server {EVIL} a",
        st.sampled_from(("", "a", "/", "127.0.0.1:80", "GET /", "roundrobin", "1s", "10s ")),
        st.sampled_from(ends),
        st.sampled_from(ends),
    )


smuggled = smuggling(*ENDS)
# What has no line break is refused in fewer places.
quiet = smuggling(*PRINTABLE).map(lambda text: text.replace(" ", "")) | smuggling(*PRINTABLE)
scalars: st.SearchStrategy[Any] = st.one_of(
    quiet,
    quiet,
    quiet,
    smuggled,
    st.sampled_from((*words.SIGNS, *words.INJECTIONS)),
    st.integers(),
    st.booleans(),
)
good: Mapping[str, Any] = {"http_bind": "127.0.0.1:18099", "stats_bind": "", "cli_bind": ""}


def values(variable: Variable) -> st.SearchStrategy[Any]:
    """Hostile ones, in the shape that the variable has."""
    if variable.members:
        return tables(variable.members)
    if variable.each:
        return st.dictionaries(st.sampled_from((*SERVICES, "x\n")), tables(variable.each))
    return scalars if "list" not in variable.type else scalars | st.lists(scalars, max_size=2)


def tables(variables: tuple[Variable, ...]) -> st.SearchStrategy[dict[str, Any]]:
    one = st.sampled_from(variables).flatmap(lambda v: st.tuples(st.just(v.name), values(v)))
    return st.lists(one, min_size=1, max_size=2).map(dict)


def lines_of(text: str) -> list[str]:
    """The first words of all lines, and the names of all servers."""
    model = parse(text)
    found = [line.words[0] for section in model.sections for line in section.lines]
    found += [section.header.words[0] for section in model.sections]
    return found + [name for _, name in model.servers]


def test_no_variable_makes_a_line_of_its_own(explore: Explore, tmp_path: Path) -> None:
    declared = declared_in(TEMPLATE)
    assert declared
    snapshot = Snapshot.of(
        Endpoint(service=service, name="s1", address="10.0.0.1", port=80) for service in SERVICES
    )

    def check(given: Mapping[str, Any]) -> None:
        settings = JinjaSettings(services=SERVICES, state_dir=tmp_path, vars={**good, **given})
        with suppress(LbdiscError):
            text = JinjaRenderer(settings).render(snapshot).text
            assert not [word for word in lines_of(text) if word.startswith(EVIL)], text
            assert set(parse(text).servers) == {("nodes", "s1"), ("api", "s1")}

    explore(check, tables(declared), examples=20)


def test_no_tag_that_an_own_template_shows_makes_a_line(explore: Explore, tmp_path: Path) -> None:
    own = tmp_path / "own.j2"
    own.write_text(
        "backend nodes\n{% for e in services[0].endpoints %}"
        '    http-request set-header X-Zone {{ e.tag("zone") | quote }}\n'
        "    server {{ e.name }} {{ e.host_port }}\n{% endfor %}\n"
    )
    made = JinjaRenderer(JinjaSettings(template=own, services=("nodes",), state_dir=tmp_path))

    def check(zone: str) -> None:
        with suppress(LbdiscError):
            endpoint = Endpoint(
                service="nodes", name="s1", address="10.0.0.1", port=80, tags=(("zone", zone),)
            )
            model = parse(made.render(Snapshot.of([endpoint])).text)
            [section] = [found for found in model.sections if found.kind == "backend"]
            assert [line.words[:3] for line in section.lines] == [
                ("http-request", "set-header", "X-Zone")
            ]
            assert section.lines[0].words[3:] == (zone,)

    explore(check, st.one_of(smuggled, st.text(max_size=20)), examples=50)


@pytest.mark.parametrize("number", range(3))
def test_what_is_smuggled_would_show(number: int) -> None:
    """The test itself: without escaping, lines come of it."""
    draw = Random(number)
    text = f"backend nodes\n    option {draw.choice(('a', 'b'))}\n{EVIL} x\nserver {EVIL} a:1\n"
    assert [word for word in lines_of(text) if word.startswith(EVIL)] == [EVIL, EVIL]
