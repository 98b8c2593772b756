"""A rendered configuration as sections, proxies and servers. Pure, and fast for 10,000 servers.

It knows as much of the language as is needed to tell what a running HAProxy would have to change;
what it does not know it keeps as words, so that a difference is never overlooked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from lbdisc.haproxy.lines import Bind, Line, ServerLine, StatsSocket, Words
from lbdisc.haproxy.words import split

__all__ = [
    "Bind",
    "Configuration",
    "Line",
    "Section",
    "ServerLine",
    "StatsSocket",
    "Words",
    "parse",
]

PROXIES = frozenset(("frontend", "backend", "listen"))
SECTIONS = PROXIES | frozenset(
    (
        *("global", "defaults", "userlist", "peers", "resolvers", "mailers", "program"),
        *("http-errors", "cache", "ring", "log-forward", "log-profile", "fcgi-app", "crt-store"),
        *("traces", "acme"),
    )
)
CONDITIONS = frozenset((".if", ".elif", ".else", ".endif"))


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
        words = self.header.words
        return words[1] if len(words) > 1 and words[1] != "from" else ""

    @cached_property
    def names_servers_once(self) -> bool:
        """Whether no two servers have one name."""
        return len({server.name for server in self.servers}) == len(self.servers)

    @cached_property
    def effective(self) -> tuple[Line, ...]:
        """The inherited lines, then its own."""
        return (*(self.defaults.effective if self.defaults else ()), *self.lines)

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

    ``uncertain`` says, empty if nothing, why line-by-line comparison cannot tell what HAProxy runs.
    """

    sections: tuple[Section, ...]
    uncertain: str

    @cached_property
    def proxies(self) -> dict[str, Section]:
        """Backends and listens by name; frontends have no servers."""
        found = (section for section in self.sections if section.kind in ("backend", "listen"))
        return {section.name: section for section in found}

    @cached_property
    def servers(self) -> dict[tuple[str, str], ServerLine]:
        """All servers by proxy and name; of two with one key the last."""
        every = (server for section in self.proxies.values() for server in section.servers)
        return {server.key: server for server in every}

    def globals(self, *start: str) -> Iterator[Line]:
        """The lines of the global sections that begin with ``start``."""
        for section in self.sections:
            if section.kind == "global":
                yield from (ln for ln in section.lines if ln.words[: len(start)] == start)

    @property
    def stats_sockets(self) -> tuple[StatsSocket, ...]:
        return tuple(
            StatsSocket(
                line.words[2],
                _after("level", line.words) or "operator",
                _after("mode", line.words),
                line.number,
            )
            for line in self.globals("stats", "socket")
            if len(line.words) > 2
        )

    @property
    def runtime_socket(self) -> str:
        """The first ``stats socket`` of level admin, or ``""``: where commands can be sent."""
        return next((s.address for s in self.stats_sockets if s.level == "admin"), "")

    @property
    def binds(self) -> tuple[Bind, ...]:
        """Every address that is listened on, those of stats sockets too."""
        found = [Bind(s.address, "global", s.number) for s in self.stats_sockets]
        for section in self.sections:
            for line in section.lines:
                if (
                    line.words[0] == "bind"
                    and len(line.words) > 1
                    and "namespace" not in line.words
                ):
                    named = f"{section.kind} {section.name}"
                    found += [Bind(a, named, line.number) for a in line.words[1].split(",")]
        return tuple(found)

    @property
    def state_file(self) -> str:
        """The path of the global ``server-state-file``, or ``""``."""
        path = _last_word(list(self.globals("server-state-file")))
        base = _last_word(list(self.globals("server-state-base")))
        return f"{base}/{path}" if path and base and not path.startswith("/") else path

    @property
    def loads_state(self) -> bool:
        """Whether any proxy takes its servers' state from that file."""
        wanted = ("load-server-state-from-file", "global")
        return any(
            (line := section.last("load-server-state-from-file")) and line.words[:2] == wanted
            for section in self.proxies.values()
        )


def _after(keyword: str, words: Words) -> str:
    return next((value for word, value in pairwise(words) if word == keyword), "")


def _last_word(lines: list[Line]) -> str:
    return lines[-1].words[1] if lines and len(lines[-1].words) > 1 else ""


@lru_cache(maxsize=4)
def parse(text: str) -> Configuration:
    """The model of ``text``; the last few are remembered, as one text is asked about many times."""
    reader = _Reader(_servers_of_last_text.copy())
    uncertain = ""
    for number, raw in enumerate(text.split("\n"), 1):
        if reader.take_known(raw):
            continue
        words, exact = split(raw)
        if not words:
            continue
        if words[0] in CONDITIONS:
            uncertain = uncertain or f"line {number} has a condition"
        elif not exact and ".LINE" in raw:
            uncertain = uncertain or f"line {number} uses its own number"
        reader.take(words, "" if exact else raw.strip(), number, line=raw)
    reader.end_section()
    _servers_of_last_text.clear()
    _servers_of_last_text.update(reader.servers_by_line)
    return Configuration(tuple(reader.sections), uncertain)


# Texts of one load balancer differ in few lines: equal server lines become the same objects, which
# also makes comparing fast. By proxy and its defaults, then by line.
ServersByLine = dict[tuple[str, tuple[Line, ...]], dict[str, ServerLine]]
_servers_of_last_text: ServersByLine = {}


class _Reader:
    def __init__(self, known: ServersByLine) -> None:
        self.sections: list[Section] = []
        self.servers_by_line: ServersByLine = {}
        self._all_known = known
        self._named: dict[str, Section] = {}
        self._latest: Section | None = None
        self._start(Line(("",)))

    def _start(self, header: Line) -> None:
        self._header = header
        self._kind = header.words[0]
        self._lines: list[Line] = []
        self._servers: list[ServerLine] = []
        self._from = self._inherited(header.words)
        self._has_servers = self._kind in ("backend", "listen")
        inherited = self._from.effective if self._from else ()
        self._defaults = tuple(line for line in inherited if line.words[0] == "default-server")
        self._name = header.words[1] if len(header.words) > 1 else ""
        self._remember()

    def _remember(self) -> None:
        """What servers become here depends on proxy and defaults."""
        here = (self._name, self._defaults)
        self._known = self._all_known.get(here, {}) if self._has_servers else {}
        self._seen = self.servers_by_line.setdefault(here, {}) if self._has_servers else {}

    def take_known(self, line: str) -> bool:
        """Take a server line that the last text had at this place too."""
        server = self._known.get(line)
        if server is None:
            return False
        self._servers.append(server)
        self._seen[line] = server
        return True

    def _inherited(self, words: Words) -> Section | None:
        if (name := _after("from", words)) and self._kind in PROXIES | {"defaults"}:
            return self._named.get(name)
        return self._latest if self._kind in PROXIES else None

    def take(self, words: Words, raw: str, number: int, *, line: str) -> None:
        first = words[0]
        if first == "server" and self._has_servers and len(words) > 2:
            server = ServerLine(self._name, words[1], words[2], words[3:], self._defaults, raw)
            self._servers.append(server)
            if not raw:  # a line with variables is looked at each time
                self._seen[line] = server
            return
        self._take_other(first, Line(words, raw, number))

    def _take_other(self, first: str, line: Line) -> None:
        if first in SECTIONS:
            self.end_section()
            self._start(line)
            return
        self._lines.append(line)
        if first == "default-server":
            self._defaults = (*self._defaults, line)
            self._remember()

    def end_section(self) -> None:
        section = Section(
            self._kind, self._header, tuple(self._lines), tuple(self._servers), self._from
        )
        if self._kind or section.lines:
            self.sections.append(section)
        if self._kind == "defaults":
            self._latest = section
            if section.name:
                self._named[section.name] = section
