"""Which files a configuration names, for HAProxy to read while it starts. Pure.

What HAProxy writes itself, or reads only when it needs it, is left out: the server-state file, the
pid file, rings, programs. Sources: configuration manual, 3.1 (global), 5.1 and 5.2 (``bind`` and
``server``), 7.1.3 (``-f``), 7.3.1 (converters), 4.2 (error files, ``return``), 9.3 (SPOE), 3.11
(``crt-store``).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from lbdisc.haproxy.language.lines import Line, Words
from lbdisc.haproxy.language.model import Configuration

Use = Literal["certificate", "crt-list", "ca-file", "crl-file", "map", "acl", "lua path", "file"]


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file, or a folder, as HAProxy calls it: ``base`` goes before a ``word`` that is relative.

    "file" is what can only be read anew with everything else.
    """

    use: Use
    word: str
    base: str = ""


# By keyword: what follows it is read, as what, and which line of `global` says where it lies.
_SSL: dict[str, tuple[Use, str]] = {
    "crt": ("certificate", "crt-base"),
    "crt-list": ("crt-list", ""),
    "ca-file": ("ca-file", "ca-base"),
    "ca-verify-file": ("ca-file", "ca-base"),
    "ca-sign-file": ("file", "ca-base"),
    "crl-file": ("crl-file", "ca-base"),
    "tls-ticket-keys": ("file", ""),
}
_TLS_LINES = frozenset(("bind", "server", "default-server", "default-bind", "server-template"))
# Of a `crt-store` (3.0), whose `load` lines name more than certificates.
_STORE = {"crt": "crt-base", "key": "key-base", "ocsp": "crt-base", "issuer": "crt-base"}
_PAGES = frozenset(("file", "lf-file", "errorfile"))
_RULES = ("http-request", "http-response", "http-after-response", "http-error")
_FOLDERS = frozenset(("issuers-chain-path",))
# They end in "-file", and HAProxy writes them or leaves them alone at its start.
_NOT_READ = frozenset(("server-state-file", "backing-file", "load-server-state-from-file"))
_MAP = re.compile(r"""\b(?:map(?:_[a-z0-9]+)*|set-map|del-map)\(\s*("[^"]*"|'[^']*'|[^,)]*)""")
_ACL = re.compile(r"""\b(?:add-acl|del-acl)\(\s*("[^"]*"|'[^']*'|[^,)]*)""")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:\[\*\])?(?:-([^}]*))?\})")
_UNBRACED = re.compile(r"\$([A-Za-z_]\w*)")
_KEY = re.compile(r"""\bjwt_(?:verify|verify_cert|decrypt_cert)\(([^()]*)\)""")


def named_files(configuration: Configuration) -> tuple[NamedFile, ...]:
    """All of them, each once, in the order of the text."""
    bases = {name: _last(configuration, name) for name in ("crt-base", "ca-base")}
    return tuple(dict.fromkeys(_found(configuration, bases)))


def with_variables(word: str, variables: Mapping[str, str]) -> str:
    """``word`` with the values of environment variables (2.3); unknown ones are empty."""
    end = word.rfind("}") + 1  # no variable in braces is behind it, and none is looked for there
    braced = _VARIABLE.sub(lambda found: _value(found, variables), word[:end])
    return braced + _UNBRACED.sub(lambda found: variables.get(found[1]) or "", word[end:])


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, default = found[1] or found[2], found[3]
    return variables.get(name) or default or ""


def set_variables(configuration: Configuration) -> dict[str, str]:
    """Those that ``global`` itself sets (3.1, "setenv", "presetenv")."""
    found: dict[str, str] = {}
    for line in configuration.globals("setenv"):
        if len(line.words) == 3:
            found[line.words[1]] = line.words[2]
    return found


def default_path(configuration: Configuration) -> Words:
    """What relative words are relative to (3.1, "default-path"): ``("current",)`` if unsaid."""
    lines = [line.words[1:] for line in configuration.globals("default-path")]
    return lines[-1] if lines and lines[-1] else ("current",)


def crt_base(configuration: Configuration) -> str:
    """What goes before the relative words in lists of certificates (3.1, "crt-base")."""
    return _last(configuration, "crt-base")


def _last(configuration: Configuration, *start: str) -> str:
    lines = [line.words for line in configuration.globals(*start)]
    return lines[-1][1] if lines and len(lines[-1]) > 1 else ""


def _found(configuration: Configuration, bases: dict[str, str]) -> Iterator[NamedFile]:
    for section in configuration.sections:
        if section.kind == "crt-store":
            yield from _of_store(section.lines, bases)
            continue
        for line in section.lines:
            yield from _of_line(section.kind, line, bases)
        options = dict.fromkeys(server.options for server in section.servers)
        for words in options:
            yield from _of_tls(words, bases)


def _of_store(lines: tuple[Line, ...], bases: dict[str, str]) -> Iterator[NamedFile]:
    own = {line.words[0]: line.words[1] for line in lines if len(line.words) == 2}
    for line in lines:
        for word, value in pairwise(line.words):
            if line.words[0] == "load" and word in _STORE:
                base = _STORE[word]
                yield NamedFile("file", value, own.get(base) or bases.get(base, ""))


def _of_line(kind: str, line: Line, bases: dict[str, str]) -> Iterator[NamedFile]:
    words, first = line.words, line.words[0]
    if first in _TLS_LINES:
        yield from _of_tls(words[1:], bases)
        return
    text = line.text
    if "(" in text:
        yield from _of_expressions(text)
    if "-f" in words:
        yield from _of_patterns(words)
    if first in ("errorfile", "lua-load", "lua-load-per-thread") or first in _FOLDERS:
        yield from _plain(words[2:3] if first == "errorfile" else words[1:2])
    elif first == "lua-prepend-path":
        yield from (NamedFile("lua path", word) for word in words[1:2])
    elif first in _RULES:
        yield from _plain(value for word, value in pairwise(words[1:]) if word in _PAGES)
    elif words[:2] == ("filter", "spoe"):
        yield from _plain(value for word, value in pairwise(words) if word == "config")
    elif kind == "global" and first.endswith("-file") and first not in _NOT_READ:
        yield from _plain(words[1:2])  # devices' databases, Diffie-Hellman parameters, …
    elif kind == "global" and first == "httpclient.ssl.ca-file":
        yield from (NamedFile("file", word, bases["ca-base"]) for word in words[1:2])


def _plain(words: Iterator[str] | Words) -> Iterator[NamedFile]:
    return (NamedFile("file", word) for word in words)


def _of_tls(words: Words, bases: dict[str, str]) -> Iterator[NamedFile]:
    for word, value in pairwise(words):
        if (known := _SSL.get(word)) and not value.startswith("@"):
            yield NamedFile(known[0], value, bases.get(known[1], ""))


def _of_expressions(text: str) -> Iterator[NamedFile]:
    for use, pattern in (("map", _MAP), ("acl", _ACL)):
        for found in pattern.findall(text):
            yield from _pattern_file("map" if use == "map" else "acl", found.strip("\"' "))
    for arguments in _KEY.findall(text):
        key = arguments.rpartition(",")[2].strip("\"' ")
        if key.startswith("/"):  # else a secret, or a variable
            yield NamedFile("file", key)


def _of_patterns(words: Words) -> Iterator[NamedFile]:
    for at, (word, value) in enumerate(pairwise(words)):
        if word == "-f":
            maps = "-M" in words[max(0, at - 4) : at] or words[at + 2 : at + 3] == ("-M",)
            yield from _pattern_file("map" if maps else "acl", value)


def _pattern_file(use: Use, word: str) -> Iterator[NamedFile]:
    """``virt@`` has no file, and ``opt@`` may have none (3.0 and newer)."""
    if word and not word.startswith(("virt@", "%")):
        yield NamedFile(use, word.removeprefix("file@").removeprefix("opt@"))
