"""Conditional blocks: ``.if``, ``.elif``, ``.else``, ``.endif`` (manual 2.4).

What is certain without asking HAProxy is decided here: numbers, texts without variables that are
compared, and versions that every HAProxy has which lbdisc knows. All else is known to HAProxy
alone: its environment, what it was built with, and which version it is.
"""

import re

from lbdisc.haproxy.language.lines import Words
from lbdisc.haproxy.versions import OLDEST

CONDITIONS = frozenset((".if", ".elif", ".else", ".endif"))
Sure = bool | None  # None: only HAProxy knows

_TOKEN = re.compile(r"\s*(&&|\|\||!|\(|\)|[a-z_]+\((?:[^()\\]|\\.)*\)|-?[0-9]+)")
_VERSION = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})")
MOST = 100  # parts of an expression: nobody writes as many, and each level is a call


class Blocks:
    """The blocks that are open where a file is read, from its first line on."""

    def __init__(self) -> None:
        self._open: list[tuple[Sure, Sure]] = []  # whether this branch, and one before, is taken

    @property
    def taken(self) -> Sure:
        """Whether HAProxy reads on here; ``None`` where only it knows."""
        found = [taken for taken, _ in self._open]
        return False if False in found else None if None in found else True

    def take(self, words: Words, *, exact: bool) -> None:
        """Go past a line with one of ``CONDITIONS``."""
        if words[0] == ".if":
            branch = _value(words, exact)
            self._open.append((branch, branch))
        elif self._open and words[0] == ".endif":
            self._open.pop()
        elif self._open:
            _, before = self._open.pop()
            value = True if words[0] == ".else" else _value(words, exact)
            self._open.append((_and(_not(before), value), _or(before, value)))


def _value(words: Words, exact: bool) -> Sure:
    if not exact or any("$" in word for word in words):
        return None
    return evaluated(" ".join(words[1:]))


def evaluated(expression: str) -> Sure:
    """What ``expression`` is for every HAProxy, ``None`` where they may differ or it is odd."""
    tokens: list[str] = []
    at = 0
    text = expression.strip()
    while at < len(text) and len(tokens) <= MOST:
        found = _TOKEN.match(text, at)
        if found is None:
            return None
        tokens.append(found[1])
        at = found.end()
    if len(tokens) > MOST:
        return None
    value, rest = _any_of(tokens)
    return None if rest else value


def _any_of(tokens: list[str]) -> tuple[Sure, list[str]]:
    value, tokens = _all_of(tokens)
    while tokens[:1] == ["||"]:
        other, tokens = _all_of(tokens[1:])
        value = _or(value, other)
    return value, tokens


def _all_of(tokens: list[str]) -> tuple[Sure, list[str]]:
    value, tokens = _term(tokens)
    while tokens[:1] == ["&&"]:
        other, tokens = _term(tokens[1:])
        value = _and(value, other)
    return value, tokens


def _term(tokens: list[str]) -> tuple[Sure, list[str]]:
    first, rest = (tokens[0], tokens[1:]) if tokens else ("", [])
    if first == "!":
        value, rest = _term(rest)
        return _not(value), rest
    if first == "(":
        value, rest = _any_of(rest)
        return (value, rest[1:]) if rest[:1] == [")"] else (None, [first])
    return _atom(first), rest


def _atom(token: str) -> Sure:
    if re.fullmatch(r"-?[0-9]+", token):
        return token.strip("-0") != ""
    name, _, inside = token.partition("(")
    arguments = inside.removesuffix(")").split(",")
    if any(sign in inside for sign in "\"'\\ "):
        return None
    if name in ("streq", "strneq") and len(arguments) == 2:  # `strstr` is none of 2.6
        return (arguments[0] == arguments[1]) == (name == "streq")
    return _by_version(name, arguments[0])


def _by_version(name: str, argument: str) -> Sure:
    found = _VERSION.match(argument)
    if not found or (int(found[1]), int(found[2])) > OLDEST.version[:2] or argument[found.end() :]:
        return None
    return {"version_atleast": True, "version_before": False}.get(name)


def _not(value: Sure) -> Sure:
    return None if value is None else not value


def _and(one: Sure, other: Sure) -> Sure:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _or(one: Sure, other: Sure) -> Sure:
    return _not(_and(_not(one), _not(other)))
