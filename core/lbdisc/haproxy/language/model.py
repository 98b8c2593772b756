"""The model of a configuration: sections, proxies and servers. Pure values."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from lbdisc.haproxy.language.headers import name_of
from lbdisc.haproxy.language.lines import Bind, Line, ServerLine, StatsSocket, Words
from lbdisc.haproxy.language.numbers import whole
from lbdisc.haproxy.language.slots import is_known, names_of
from lbdisc.haproxy.language.stats_sockets import sockets_of

Key = tuple[str, str]
_NAME = r"([A-Za-z0-9_.:-]+)"
_ARGUMENT = re.compile(rf"[(,]\s*{_NAME}")
_PROXY_AND_SERVER = re.compile(rf"{_NAME}/{_NAME}")


@dataclass(frozen=True)
class Section:
    """A section without the ``server`` lines of a proxy, which are in ``servers``.

    ``defaults`` is the ``defaults`` section it takes over, which may take over another.
    """

    kind: str
    header: Line
    lines: tuple[Line, ...]
    servers: tuple[ServerLine, ...]
    defaults: "Section | None"

    @property
    def name(self) -> str:
        return name_of(self.header.words)

    @cached_property
    def slots(self) -> Mapping[str, str] | None:
        """Name and address of the servers of its templates, ``None`` where not all are known."""
        lines = self.every("server-template")
        if not all(map(is_known, lines)):
            return None
        return {name: line.words[3] for line in lines for name in names_of(line)}

    @cached_property
    def by_name(self) -> dict[str, ServerLine]:
        """Its servers by name; of two with one name the last."""
        return {server.name: server for server in self.servers}

    @property
    def names_servers_once(self) -> bool:
        return len(self.by_name) == len(self.servers)

    @cached_property
    def tracks(self) -> bool:
        """Whether one of its servers follows the state of another."""
        lines = (line.words for line in self.every("default-server"))
        return any("track" in words for words in lines) or any(
            "track" in server.options for server in self.servers
        )

    @cached_property
    def effective(self) -> tuple[Line, ...]:
        """The inherited lines, then its own."""
        return (*(self.defaults.effective if self.defaults else ()), *self.lines)

    @cached_property
    def mentions(self) -> frozenset[Key]:
        """Proxy, or ``""`` for any, and name by which its lines may mean a server.

        That is PROXY/SERVER, an argument in parentheses, or ``use-server``.
        """
        return frozenset(found for line in self.lines for found in _mentions(line))

    def every(self, *start: str) -> tuple[Line, ...]:
        """The lines in force that begin with the words ``start``, inherited ones first."""
        size = len(start)
        return tuple(line for line in self.effective if line.words[:size] == start)

    def last(self, *start: str) -> Line | None:
        """The last line in force that begins with the words ``start``."""
        return next(reversed(self.every(*start)), None)


@dataclass(frozen=True)
class Configuration:
    """The model of one text; make it with ``parse``.

    ``starts`` are the numbers of the lines where ``sections`` begin. ``uncertain`` says, empty if
    nothing, why line-by-line comparison cannot tell what HAProxy runs. ``met`` is where the worker
    that runs it takes orders, ``""`` for nowhere, ``None`` where only the text tells.
    """

    sections: tuple[Section, ...]
    starts: tuple[int, ...]
    uncertain: str
    met: str | None = None

    @cached_property
    def proxies(self) -> dict[str, Section]:
        """Backends and listens by name; frontends have no servers."""
        found = (section for section in self.sections if section.kind in ("backend", "listen"))
        return {section.name: section for section in found}

    @cached_property
    def slots(self) -> Mapping[Key, str]:
        """Proxy and name, and the address, of all servers that templates are known to make."""
        return {
            (proxy, name): address
            for proxy, section in self.proxies.items()
            for name, address in (section.slots or {}).items()
        }

    @cached_property
    def servers(self) -> Mapping[Key, ServerLine]:
        """All servers by proxy and name; of two with one key the last."""
        return _Servers(self.proxies)

    @property
    def numbered(self) -> Iterator[tuple[Section, Line, int]]:
        """Every line that is no server's, its section before it and its number behind."""
        for section, start in zip(self.sections, self.starts, strict=True):
            yield from ((section, line, start + line.below) for line in section.lines)

    def globals(self, *start: str) -> Iterator[Line]:
        """The lines of the global sections that begin with ``start``."""
        return (line for line, _ in self._globals(*start))

    def _globals(self, *start: str) -> Iterator[tuple[Line, int]]:
        for section, at in zip(self.sections, self.starts, strict=True):
            if section.kind == "global":
                for line in section.lines:
                    if line.words[: len(start)] == start:
                        yield line, at + line.below

    @cached_property
    def stats_sockets(self) -> tuple[StatsSocket, ...]:
        lines = self._globals("stats", "socket")
        return tuple(found for line, number in lines for found in sockets_of(line, number))

    @property
    def runtime_sockets(self) -> tuple[str, ...]:
        """The addresses of ``stats socket`` of level admin that can be dialled."""
        return tuple(s.address for s in self.stats_sockets if s.level == "admin" and not s.closed)

    @property
    def runtime_socket(self) -> str:
        """Where commands can be sent: ``met``, or the first of ``runtime_sockets``, or ``""``."""
        return next(iter(self.runtime_sockets), "") if self.met is None else self.met

    @property
    def stats_connections(self) -> int:
        """How many connections all stats sockets take at once; the rest waits."""
        said = _last_word(list(self.globals("stats", "maxconn")), 2)
        number = whole(said)
        return 10 if number is None else number

    @property
    def binds(self) -> tuple[Bind, ...]:
        """Every address that is listened on, those of stats sockets too."""
        found = [Bind(s.address, "global", s.number) for s in self.stats_sockets]
        for section, line, number in self.numbered:
            if line.words[0] == "bind" and len(line.words) > 1 and "namespace" not in line.words:
                named = f"{section.kind} {section.name}"
                found += [Bind(a, named, number) for a in line.words[1].split(",")]
        return tuple(found)

    @property
    def state_file(self) -> str:
        """The path of the global ``server-state-file``, or ``""``."""
        path = _last_word(list(self.globals("server-state-file")))
        base = _last_word(list(self.globals("server-state-base")))
        return f"{base}/{path}" if path and base and not path.startswith("/") else path


class _Servers(Mapping[Key, ServerLine]):
    """Looks into the proxies, so that a change in one does not cost the servers of all."""

    def __init__(self, proxies: Mapping[str, Section]) -> None:
        self._proxies = proxies

    def __getitem__(self, key: Key) -> ServerLine:
        proxy, name = key
        return self._proxies[proxy].by_name[name]

    def __iter__(self) -> Iterator[Key]:
        return ((p, name) for p, section in self._proxies.items() for name in section.by_name)

    def __len__(self) -> int:
        return sum(len(section.by_name) for section in self._proxies.values())


def after(keyword: str, words: Words) -> str:
    return next((value for word, value in pairwise(words) if word == keyword), "")


def _mentions(line: Line) -> Iterator[Key]:
    if line.words[0] == "use-server":
        yield from (("", name) for name in line.words[1:2])
    for word in (*line.words[1:], line.raw):
        if "(" in word or "," in word:
            yield from (("", name) for name in _ARGUMENT.findall(word))
        if "/" in word:
            yield from _PROXY_AND_SERVER.findall(word)


def _last_word(lines: list[Line], at: int = 1) -> str:
    return lines[-1].words[at] if lines and len(lines[-1].words) > at else ""
