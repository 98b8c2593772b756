"""The model of a configuration's text."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbdisc.haproxy.language.conditions import evaluated
from lbdisc.haproxy.language.text import Bind, Configuration, _last, parse
from lbdisc.haproxy.language.words import split

TEXT = """\
# a comment
global
\tstats socket /run/one.sock level operator
    stats socket /run/two.sock mode 600 level admin expose-fd listeners
  server-state-base /var/lib
  server-state-file state

defaults
  mode http
  default-server inter 1s
  load-server-state-from-file global
frontend web
  bind *:80,:::443 ssl crt x.pem
backend nodes
  default-server fall 5
  server a 10.0.0.1:80 check # the first
  default-server rise 1
  server b 10.0.0.2:80
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("  server  a\t1:2 ", ("server", "a", "1:2")),
        ("acl x path /a#b c", ("acl", "x", "path", "/a")),
        (r"a\ b 'c d' \"e\# \x41\n", ("a b", "c d", '"e#', "A\n")),
        ("'\\' \"it's\" ''", ("\\", "it's", "")),
        ("a\rb c", ("a",)),
        ("# nothing", ()),
    ],
)
def test_words_are_those_of_haproxy(line: str, words: tuple[str, ...]) -> None:
    assert split(line) == (words, True)


def test_a_variable_counts_only_in_double_quotes() -> None:
    assert split('bind "$IP:80"') == (("bind", "$IP:80"), False)
    assert split(r'bind $IP "\$IP" ' + "'$IP'") == (("bind", "$IP", "$IP", "$IP"), True)


def test_the_runtime_socket_is_the_first_of_level_admin() -> None:
    sockets = parse(TEXT).stats_sockets
    assert [(s.address, s.level, s.mode, s.number) for s in sockets] == [
        ("/run/one.sock", "operator", "", 3),
        ("/run/two.sock", "admin", "600", 4),
    ]
    assert parse(TEXT).runtime_socket == "/run/two.sock"
    assert parse("global\n").runtime_socket == ""


def test_the_state_file_is_found_below_its_base() -> None:
    assert parse(TEXT).state_file == "/var/lib/state"
    assert parse("backend a\n").state_file == ""


def test_every_address_that_is_listened_on_is_known() -> None:
    assert parse(TEXT).binds[2:] == (
        Bind("*:80", "frontend web", 13),
        Bind(":::443", "frontend web", 13),
    )


def test_default_servers_count_from_where_they_stand() -> None:
    first, second = parse(TEXT).proxies["nodes"].servers
    assert [line.text for line in first.defaults] == [
        "default-server inter 1s",
        "default-server fall 5",
    ]
    assert second.defaults[-1].text == "default-server rise 1"
    assert len(second.defaults) == len(first.defaults) + 1
    assert (first.name, first.address, first.options) == (*("a", "10.0.0.1:80", ("check",)),)


def test_a_named_defaults_section_reaches_those_that_ask_for_it() -> None:
    configuration = parse(
        "defaults one\n  balance leastconn\ndefaults two from one\n  mode tcp\n"
        "defaults three\n  mode http\nbackend a from two\nbackend b\n"
    )
    a, b = configuration.proxies["a"], configuration.proxies["b"]
    assert [line.text for line in a.effective] == ["balance leastconn", "mode tcp"]
    assert [line.text for line in b.effective] == ["mode http"]


def test_server_lines_of_peers_are_no_servers_of_a_proxy() -> None:
    configuration = parse("backend a\n  server x 10.0.0.1:80\npeers p\n  server y 10.0.0.2:80\n")
    assert list(configuration.servers) == [("a", "x")]
    assert [line.text for line in configuration.sections[1].lines] == ["server y 10.0.0.2:80"]


@pytest.mark.parametrize(
    "text",
    ["defaults\n.if defined(X)\n  log global\n.endif\n", 'backend a\n  server s"${.LINE}" 1:2\n'],
)
def test_what_the_text_alone_does_not_tell_is_uncertain(text: str) -> None:
    assert parse(text).uncertain


def test_an_uncertain_line_is_so_each_time_it_is_met() -> None:
    for more in ("", "#\n", "##\n"):
        assert parse(f'backend a\n  server s 1:2 id "${{.LINE}}"\n{more}').uncertain


def test_ten_thousand_servers_are_parsed_well_below_a_second() -> None:
    lines = [f"  server s{i} 10.1.{i // 250}.{i % 250}:80 check weight 5" for i in range(10_000)]
    text = "backend a\n  default-server inter 1s\n" + "\n".join(lines)
    began = time.process_time()
    assert len(parse(text).servers) == 10_000
    assert time.process_time() - began < 1  # a hang, not a figure: it takes 0.05 s


def test_equal_server_lines_of_two_texts_are_the_same_objects() -> None:
    text = "backend a\n  server x 10.0.0.1:80\nbackend b\n  server x 10.0.0.1:80\n"
    first, second = parse(text), parse(f"{text}  server y 10.0.0.2:80\n")
    assert all(second.servers[key] is server for key, server in first.servers.items())
    assert second.servers["a", "x"] != second.servers["b", "x"]


def test_a_default_server_line_changes_what_an_equal_server_line_means() -> None:
    before = parse("backend a\n  server x 10.0.0.1:80\n")
    after = parse("backend a\n  default-server check\n  server x 10.0.0.1:80\n")
    assert before.servers["a", "x"] != after.servers["a", "x"]
    assert after.servers["a", "x"].defaults[0].text == "default-server check"


def parsed_alone(text: str) -> Configuration:
    """Read without anything remembered of texts before."""
    parse.cache_clear()
    _last.clear()
    return parse(text)


LINES = st.lists(
    st.sampled_from(
        (
            *("  server a 1.1.1.1:80", "  server b 1.1.1.1:80 check", "server a 2.2.2.2:1"),
            *("", "  # note", "  balance first", "  default-server check", "backend x"),
            *("backend y", "defaults", "peers p", '  server c 1:2 id "$X"', ".if x"),
            *("frontend f", "  bind :80"),
        )
    ),
    max_size=14,
)


@settings(deadline=None)
@given(LINES, LINES, LINES, LINES)
def test_a_text_read_by_its_difference_is_as_if_read_alone(
    head: list[str], old: list[str], new: list[str], tail: list[str]
) -> None:
    before, after = ("\n".join((*head, *part, *tail)) for part in (old, new))
    expected = parsed_alone(after)
    parsed_alone(before)
    found = parse(after)
    assert found == expected
    assert [(line, number) for _, line, number in found.numbered] == [
        (line, number) for _, line, number in expected.numbered
    ]
    assert dict(found.servers) == dict(expected.servers)


def test_one_server_more_leaves_all_other_sections_as_they_are() -> None:
    text = "backend a\n  server x 1.1.1.1:1\n  balance first\nbackend b\n  mode tcp\n  bind :1\n"
    before = parsed_alone(text)
    after = parse(text.replace("1.1.1.1:1\n", "1.1.1.1:1\n  server y 1.1.1.1:2\n"))
    assert after.sections[1] is before.sections[1]
    assert after.starts == (1, 5)
    assert [number for _, _, number in after.numbered] == [4, 6, 7]


@pytest.mark.parametrize(
    ("header", "name", "defaults"),
    [
        ("listen from", "from", "d"),
        ("listen from from d", "from", "d"),
        ("frontend from from e", "from", "e"),
        ("backend b from e", "b", "e"),
        ("backend b", "b", "d"),
    ],
)
def test_a_proxy_may_be_called_from(header: str, name: str, defaults: str) -> None:
    section = parse(f"defaults e\n  mode tcp\ndefaults d from e\n{header}\n").sections[-1]
    assert section.name == name
    assert section.defaults is not None
    assert section.defaults.name == defaults


def test_defaults_may_take_over_others_without_a_name_of_their_own() -> None:
    section = parse("defaults e\n  mode tcp\ndefaults from e\nbackend b\n").sections[1]
    assert (section.name, section.defaults and section.defaults.name) == ("", "e")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("srv 3 10.0.0.1:80", ["srv1", "srv2", "srv3"]),
        ("srv 2-3 10.0.0.1:80 check", ["srv2", "srv3"]),
        ("s- 1-1 a.test:80", ["s-1"]),
    ],
)
def test_a_templates_servers_are_known_by_name(words: str, names: list[str]) -> None:
    model = parse(f"backend b\n  server-template {words}\n")
    assert list(model.slots) == [("b", name) for name in names]


def test_a_templates_servers_may_be_unknown() -> None:
    [section] = parse('backend b\n  server-template s "${COUNT}" a.test:80\n').sections
    assert section.slots is None


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1", True),
        ("0", False),
        ("!0 && 1", True),
        ("0 || (1 && !0)", True),
        ("version_atleast(2.4)", True),
        ("version_before(2.6)", False),
        ("version_atleast(2.8)", None),
        ("version_atleast(2.6-dev3)", None),
        ("defined(X)", None),
        ("0 && defined(X)", False),
        ("defined(X) || 1", True),
        ("streq(a,a)", True),
        ("strneq(a,a)", False),
        ("strstr(abc,b)", None),
        ("feature(OPENSSL)", None),
        ("enabled(POLL)", None),
        ("(1", None),
        ("what", None),
        ("", None),
    ],
)
def test_a_condition_is_known_where_it_is_so_for_every_haproxy(
    expression: str, value: bool | None
) -> None:
    assert evaluated(expression) is value


BLOCKS = """
global
.if defined(DEBUG)
  stats socket /a level admin
.else
  stats socket /b level admin
.endif
backend b
.if version_atleast(2.4)
  server s 10.0.0.1:80
.else
  balance first
  server s 10.0.0.9:80
.endif
"""


def test_blocks_are_read_where_they_are_certain() -> None:
    model = parse(BLOCKS)
    assert model.uncertain == ""
    assert model.runtime_sockets == ("/a", "/b")
    assert [server.address for server in model.servers.values()] == ["10.0.0.1:80"]
    assert model.proxies["b"].last("balance") is None


def test_a_block_in_a_proxy_that_only_haproxy_can_read_is_uncertain() -> None:
    model = parse(BLOCKS.replace("version_atleast(2.4)", "defined(X)"))
    assert model.uncertain == "line 10 has a condition before it"
    assert parse("global\n.if defined(X)\nbackend b\n.endif\n").uncertain


def test_a_line_that_is_passed_over_must_stay_the_same() -> None:
    before, after = parse(BLOCKS), parse(BLOCKS.replace("10.0.0.9", "10.0.0.8"))
    assert before.proxies["b"].lines != after.proxies["b"].lines


def test_branches_after_one_that_is_taken_are_not() -> None:
    text = "backend b\n.if 0\n server a :1\n.elif 1\n server b :1\n.elif 1\n server c :1\n.else\n"
    assert list(parse(f"{text} server d :1\n.endif\n server e :1\n").servers) == [
        ("b", "b"),
        ("b", "e"),
    ]


@pytest.mark.parametrize(
    ("words", "closed"),
    [
        ("/run/h.sock level admin", ""),
        ("/run/h.sock user ssl level admin", ""),
        ("fd@3 level admin", "descriptor"),
        ("sockpair@4 level admin", "descriptor"),
        ("unix@h.sock level admin", "folder"),
        ("127.0.0.1:1 namespace n level admin", "namespace"),
        ("127.0.0.1:1 ssl crt x level admin", "TLS"),
        ("/run/h.sock accept-proxy level admin", "PROXY"),
        ("${X}/h.sock level admin", "variables"),
        ('/run/h.sock level "$L"', "variables"),
        ("quic4@127.0.0.1:1 level admin", "kind"),
    ],
)
def test_it_is_known_which_stats_sockets_cannot_be_dialled(words: str, closed: str) -> None:
    [found] = parse(f"global\n  stats socket {words}\n").stats_sockets
    assert closed in found.closed
    assert bool(closed) == bool(found.closed)


def test_where_a_worker_was_met_goes_before_its_text() -> None:
    model = parse("global\n  stats socket /run/h.sock level admin\n")
    assert model.runtime_socket == "/run/h.sock"
    assert replace(model, met="").runtime_socket == ""
    assert replace(model, met="abns@x").runtime_socket == "abns@x"
