"""Whatever stands in the settings, who started lbdisc gets one line, and never a traceback."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import strategies as st

from fuzz import words
from fuzz.corpus import each
from fuzz.exploring import Explore
from lbdisc.cli import LONGEST, build, call, one_line
from lbdisc.plugins import Plugins
from lbdisc.settings.sources import leaves

PLUGINS = Plugins.load()
APP = build(PLUGINS)
KEYS = sorted(leaves(PLUGINS.tables))
VARIABLES = sorted(leaf.variable for leaf in leaves(PLUGINS.tables).values())
texts = st.one_of(
    st.sampled_from((*words.SIGNS, *words.INJECTIONS, *words.NUMBERS)), st.text(max_size=9)
)
scalars = st.one_of(
    st.sampled_from(words.NUMBERS),
    texts.map(json.dumps),
    st.sampled_from(("1979-05-27", "07:32:00", "inf", "nan", "[]", "{}", "'x'", "0x" + "f" * 5000)),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda found: f"[{', '.join(found)}]"),
        st.builds(lambda key, value: f"{{{json.dumps(key)} = {value}}}", texts, inner),
    ),
    max_leaves=4,
)
keys = st.one_of(
    st.sampled_from(KEYS),
    st.sampled_from(KEYS),
    texts.map(json.dumps),
    st.builds(lambda name: f"jinja2.vars.{json.dumps(name)}", texts),
    st.sampled_from(("jinja2.vars.services.nodes.check", "jinja2.vars.timeouts.client", "file")),
)
tables = st.lists(st.builds(lambda key, value: f"{key} = {value}", keys, values), max_size=3)
toml = st.one_of(tables.map("\n".join), st.text(max_size=40))


class Called:
    """Commands of lbdisc in this process, with what they said."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self._file = folder / "lbdisc.toml"

    def ends_well(self, settings: str | bytes, *arguments: str) -> int:
        """One line for a mistake, exit code 1 or 2; 0 for none."""
        raw = settings if isinstance(settings, bytes) else words.raw(settings)
        self._file.write_bytes(raw)
        with pytest.raises(SystemExit) as end:
            call(APP, PLUGINS, [*arguments, "--config", str(self._file)])
        said = self._capsys.readouterr().err
        code = int(end.value.code or 0)
        assert code in (0, 1, 2), (code, said)
        if code:
            assert said.count("\n") == 1, said
            assert said.startswith("lbdisc: "), said
            assert len(said) <= LONGEST + 20, said
            assert said.rstrip("\n").isprintable(), said
        return code


@pytest.fixture
def called(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Called:
    monkeypatch.chdir(tmp_path)
    return Called(capsys, tmp_path)


SHOWN = (("config", "show"), ("config", "show", "--json"))


def test_any_settings_file_is_read_or_refused(explore: Explore, called: Called) -> None:
    commands = st.sampled_from(SHOWN)
    explore(lambda text, command: called.ends_well(text, *command), toml, commands, examples=20)


def test_any_settings_can_be_checked(explore: Explore, called: Called) -> None:
    explore(lambda text: called.ends_well(text, "config", "check"), toml, examples=12)


def test_any_environment_is_read_or_refused(
    explore: Explore, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = st.one_of(st.sampled_from(VARIABLES), texts.map(lambda text: f"LBDISC_{text}"))
    safe = st.one_of(texts, values).map(lambda text: text.replace("\0", ""))

    def check(environment: Mapping[str, str]) -> None:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                plain = name.replace("\0", "").replace("=", "")
                with_surrogates = words.raw(value).decode(errors="surrogateescape")
                patch.setenv(words.raw(plain).decode(errors="surrogateescape"), with_surrogates)
            called.ends_well("", "config", "show")

    explore(check, st.dictionaries(names, safe, max_size=2), examples=15)


def test_any_assignment_is_taken_or_refused(explore: Explore, called: Called) -> None:
    def check(assignments: Sequence[str]) -> None:
        given = [word for each in assignments for word in ("--set", each.replace("\0", ""))]
        called.ends_well("", "config", "show", *given)

    sets = st.builds(lambda key, value: f"{key}={value}", keys, values)
    explore(check, st.lists(st.one_of(sets, texts), max_size=2), examples=15)


@each("settings")
@pytest.mark.parametrize("command", [SHOWN[1], ("config", "check")], ids=" ".join)
def test_what_once_ended_in_a_traceback_does_not(
    called: Called, seed: Path, command: tuple[str, ...]
) -> None:
    called.ends_well(seed.read_bytes(), *command)


@pytest.mark.parametrize(
    "given",
    [
        {"LBDISC_JINJA2_VARS": '{"a":' * 900 + "1" + "}" * 900},
        {"LBDISC_JINJA2_VARS": '{"a":' * 90_000},
        {"LBDISC_SERVICES": "[" * 90_000},
        {"LBDISC_A\nB": "x"},
        {"LBDISC_BACKEND": "serf", "LBDISC_SERF_RPC": f"h:{'9' * 5000}"},
    ],
    ids=["deep", "deep and cut off", "a deep list", "a newline", "a port of 5,000 digits"],
)
def test_what_once_broke_the_environment_is_refused(
    called: Called, monkeypatch: pytest.MonkeyPatch, given: Mapping[str, str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert called.ends_well("", "config", "check") == 2


def test_a_message_is_one_line_of_some_length() -> None:
    assert one_line("a\nb\x1b[2J\u2028") == r"a\nb\x1b[2J\u2028"
    assert len(one_line("x" * 10**6)) == LONGEST
