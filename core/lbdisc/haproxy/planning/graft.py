"""The servers of one text in another: what can run while the rest of a configuration cannot. Pure.

Where HAProxy could not load a new text, its endpoints still belong into the one that runs. Of every
proxy that both have, the servers are those of the new text, in lines that mean the same in the old.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from lbdisc.haproxy.language.lines import ServerLine
from lbdisc.haproxy.language.model import Configuration
from lbdisc.haproxy.language.text import SECTIONS, parse
from lbdisc.haproxy.language.words import split
from lbdisc.haproxy.planning.servers import Spec, Unfit, fold

_PLAIN = re.compile(r"[A-Za-z0-9_.,:;/@%+=\[\]()|<>?!*^&~-]+")
_CHANGE = ("weight", "disabled", "enabled")  # what is taken over of a server that both have


def grafted(running: str, candidate: str) -> str | None:
    """``running`` with the servers of ``candidate``; ``None`` where that is not certain.

    A server that both have keeps its line but for address, weight and ``disabled``. Proxies that
    only one of them has are not touched.
    """
    old, new = parse(running), parse(candidate)
    if any(found.uncertain or not _tells_apart(found) for found in (old, new)):
        return None
    lines = _server_lines(candidate)
    return "\n".join(_Graft(old, new, lines).lines(running))


def _tells_apart(found: Configuration) -> bool:
    """Whether every proxy, and every server in it, has a name of its own."""
    named = [section for section in found.sections if section.kind in ("backend", "listen")]
    return (
        len(found.proxies) == len(named)
        and "" not in found.proxies
        and all(s.names_servers_once and "" not in s.by_name for s in found.proxies.values())
    )


def _server_lines(text: str) -> Mapping[tuple[str, str], str]:
    """The lines of ``text`` that are servers, by proxy and name."""
    return {key: line for key, line in _read(text) if key is not None and key[1]}


def _read(text: str) -> Iterator[tuple[tuple[str, str] | None, str]]:
    """Each line with proxy and server, the server ``""`` on others, ``None`` in no proxy."""
    proxy: str | None = None
    for line in text.split("\n"):
        words, _ = split(line)
        if words and words[0] in SECTIONS:
            has_servers = words[0] in ("backend", "listen") and len(words) > 1
            proxy = words[1] if has_servers else None
        is_server = len(words) > 2 and words[0] == "server"
        yield None if proxy is None else (proxy, words[1] if is_server else ""), line


class _Graft:
    def __init__(
        self, old: Configuration, new: Configuration, lines: Mapping[tuple[str, str], str]
    ) -> None:
        self._old, self._new, self._new_lines = old, new, lines

    def lines(self, running: str) -> Iterator[str]:
        """The new ones of a proxy come behind its last server, or its last line."""
        read = list(_read(running))
        ends = self._ends(read)
        for at, (key, line) in enumerate(read):
            if key is None or key[0] not in self._new.proxies or not key[1]:
                yield line
            elif (its := self._line(key, line)) is not None:
                yield its
            if key is not None and ends.get(key[0]) == at:
                yield from self._come(key[0])

    def _ends(self, read: list[tuple[tuple[str, str] | None, str]]) -> Mapping[str, int]:
        """Behind which line of each proxy the new servers stand."""
        found: dict[str, tuple[bool, int]] = {}
        for at, (key, line) in enumerate(read):
            if key is not None and line.strip():
                proxy, server = key
                found[proxy] = max(found.get(proxy, (False, at)), (bool(server), at))
        return {proxy: at for proxy, (_, at) in found.items()}

    def _line(self, key: tuple[str, str], line: str) -> str | None:
        """What the server of ``key`` is to be; ``None`` for one that is gone."""
        old, new = self._old.servers.get(key), self._new.servers.get(key)
        if new is None:
            return None
        if old is None or (old.address, old.options) == (new.address, new.options):
            return line
        try:
            before = fold(old)
            if _same_but_place(before, fold(replace(new, defaults=old.defaults))):
                return self._new_lines[key]
            return _changed(old, fold(new), new.address)
        except Unfit:
            return line

    def _come(self, proxy: str) -> Iterator[str]:
        """The lines of servers that only the new text has."""
        if proxy not in self._old.proxies or proxy not in self._new.proxies:
            return
        known = self._old.proxies[proxy].by_name
        for server in self._new.proxies[proxy].servers:
            if server.name not in known:
                yield self._new_lines[server.key]


def _same_but_place(old: Spec, new: Spec) -> bool:
    return dict(old.options) == dict(new.options)


def _changed(old: ServerLine, new: Spec, address: str) -> str:
    """The line of ``old`` with the address, weight and state of ``new``."""
    words: list[str] = []
    skip = False
    for word in old.options:
        if not skip and word not in _CHANGE:
            words.append(word)
        skip = not skip and word == "weight"
    words += ["weight", str(new.weight), *(["disabled"] if new.disabled else [])]
    return "    " + " ".join(map(_quoted, ("server", old.name, address, *words)))


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    escaped = re.sub(r"""([\\"' #$])""", r"\\\1", word)
    return escaped if "$" not in word else "'" + word.replace("'", "'\\''") + "'"
