"""Whatever a variable of our templates is set to, it is refused or stays in its place."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import jinja2
import pytest
from jinja2.bccache import Bucket

from lbdisc import Endpoint, Snapshot
from lbdisc.builtin.jinja2.renderer import TEMPLATES, JinjaRenderer, JinjaSettings
from lbdisc.builtin.jinja2.sandbox import Sandbox
from lbdisc.builtin.jinja2.variables import Variable, declared_in
from lbdisc.errors import RenderError, SettingsError
from lbdisc.haproxy.language.words import split

HOSTILE = (
    *("\n", "\r", "\0", "\t", "\x0b", "\x7f", "\x85", "\u2028", "\ud800", "\n  server x 1.2.3.4:5"),
    *("'", '"', "\\", "$", "${HOME}", '"$HOME"', "#", " #", " ", "a b", ";", "}", " }", "-f", "--"),
    *(
        "%[env(HOME)]",
        "%",
        "{{ 7 * 7 }}",
        "{% raw %}",
        "{#",
        "\u00e9",
        "\u00a0",
        "\u3000",
        ",",
        "|",
    ),
)
USUAL: dict[str, Any] = {
    "http_bind": "127.0.0.1:80",
    "stats_bind": "127.0.0.1:81",
    "bind": "127.0.0.1:82",
    "cli_bind": "127.0.0.1:83",
    "cli_level": "user",
    "metrics_uri": "/m",
    "ready_uri": "/r",
    "log": "10.0.0.9:514 local0",
    "balance": "random",
    "check": "GET /c",
    "check_host": "c.example",
    "check_status": "200",
    "check_text": "fine",
    "check_send": "PING",
    "hard_stop_after": "1h",
    "mode": "http",
    "path": "/p",
    "stick": "source",
    "send_proxy": "v1",
    "ca": "/ca.pem",
    "verify": "required",
    "names": ["n.example"],
    "fallback": "web",
    "listen": "127.0.0.1:84",
    "run_dir": "/run",
}
# What a variable needs beside it, to be rendered at all.
BESIDE: dict[str, dict[str, Any]] = {
    "cli_level": {"cli_bind": "127.0.0.1:83"},
    "stats_user": {"stats_password": "p"},
    "cookie": {"cookie_key": "k"},
    "cookie_key": {"cookie": "c"},
    "check_host": {"check": "/c"},
    "check_status": {"check": "/c"},
    "check_text": {"check": "/c"},
    "ca": {"sni": "a"},
    "sni": {"ca": "/ca.pem"},
    "verify": {"ca": "/ca.pem", "sni": "a"},
}
NODES = [Endpoint(service="web", name="s1", address="10.0.0.1", port=80)]


def texts_of(variables: tuple[Variable, ...], path: tuple[str, ...] = ()) -> Iterator[Any]:
    """The ways to variables that hold a text, and those."""
    for variable in variables:
        here = (*path, variable.name)
        if variable.members or variable.each:
            yield from texts_of(variable.members, here)
            yield from texts_of(variable.each, (*here, "web"))
        elif any(kind in variable.type for kind in ("text", "words", "secret")):
            yield here, variable


class InMemory(jinja2.BytecodeCache):
    """Compiles each template once: thousands of values are tried on three of them."""

    known: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.known:
            bucket.bytecode_from_string(self.known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.known[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(autouse=True)
def compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Sandbox.__init__

    def make(self: Sandbox, folder: Path) -> None:
        original(self, folder)
        self.bytecode_cache = InMemory()

    monkeypatch.setattr(Sandbox, "__init__", make)


CASES = [
    pytest.param(template, path, variable, id=f"{template.split('.')[0]}:{'.'.join(path)}")
    for template in ("haproxy.cfg.j2", "tcp-sni.cfg.j2", "nginx.conf.j2")
    for path, variable in texts_of(declared_in(TEMPLATES / template) or ())
]


def rendered(template: str, path: tuple[str, ...], value: object) -> str:
    given: dict[str, Any] = {**BESIDE.get(path[-1], {}), path[-1]: value}
    for name in reversed(path[:-1]):
        given = {name: given}
    if path[0] == "services" and path[-1] == "cookie":
        given["cookie_key"] = given["services"]["web"].pop("cookie_key")
    if path == ("user",) and template.startswith("haproxy"):
        given["services"] = {"web": {"stick": "source"}}
    settings = JinjaSettings(
        services=("web",), template=TEMPLATES / template, state_dir=Path("/state"), vars=given
    )
    return JinjaRenderer(settings).render(Snapshot.of(NODES)).text


def lines(text: str) -> list[tuple[str, ...]]:
    return [split(line)[0] for line in text.split("\n")]


def strays(usual: str, text: str, value: str, *, one_word: bool) -> list[object]:
    """What is wrong with ``text``, where one value was put in the place of a usual one."""
    before, after = lines(usual), lines(text)
    if len(before) != len(after):
        return [f"{len(after) - len(before)} lines more"]
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    return [new for old, new in changed if not _fits(old, new, value, one_word=one_word)]


def _fits(old: tuple[str, ...], new: tuple[str, ...], value: str, *, one_word: bool) -> bool:
    if not one_word:
        return old[:1] == new[:1] and " ".join(value.split()) in " ".join(new)
    others = [word for was, word in zip(old, new, strict=False) if was != word]
    last = value.split(" ")[-1].removeprefix("*")  # of `GET /path`, and of a name with a star
    return len(old) == len(new) and all(last.lower() in word.lower() for word in others)


def hostile(usual: object) -> Iterator[Any]:
    """Values like ``usual``, where it is a list in a list."""
    for sign in HOSTILE:
        for text in (f"{sign}{_one(usual)}", f"{_one(usual)}{sign}x"):
            yield [text] if isinstance(usual, list) else text


def _one(usual: object) -> str:
    return str(usual[0] if isinstance(usual, list) else usual)


@pytest.mark.parametrize(("template", "path", "variable"), CASES)
def test_it_is_refused_or_lands_where_it_belongs(
    template: str, path: tuple[str, ...], variable: Variable
) -> None:
    usual = USUAL.get(path[-1], "usual")
    before = rendered(template, path, usual)
    wrong: dict[str, list[object]] = {}
    for value in hostile(usual):
        try:
            text = rendered(template, path, value)
        except (SettingsError, RenderError) as error:
            said = str(error)
            if "\n" in said or (variable.type == "secret" and "usual" in said):
                wrong[_one(value)] = [said]
        else:
            text.encode()
            one = "words" not in variable.type
            if found := strays(before, text, _one(value), one_word=one):
                wrong[_one(value)] = found
    assert wrong == {}


@pytest.mark.parametrize("sign", HOSTILE)
def test_no_sign_gets_in_by_the_name_of_a_service(sign: str) -> None:
    given: Mapping[str, Any] = {"services": {f"web{sign}": {"path": "/"}}}
    with pytest.raises(RenderError, match="no service"):
        JinjaRenderer(JinjaSettings(services=("web",), vars=dict(given))).render(Snapshot())
