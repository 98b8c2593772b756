"""A rendered configuration as sections, proxies and servers. Pure, and fast for 10,000 servers.

It knows as much of the language as is needed to tell what a running HAProxy would have to change;
what it does not know it keeps as words, so that a difference is never overlooked.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from lbdisc.haproxy.language.conditions import CONDITIONS, Blocks
from lbdisc.haproxy.language.headers import name_of, taken_over
from lbdisc.haproxy.language.lines import Bind, Line, ServerLine, StatsSocket, Words
from lbdisc.haproxy.language.model import Configuration, Section
from lbdisc.haproxy.language.words import split
from lbdisc.sequences import common_ends

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

PASSED_OVER = ".passed-over"  # before the words of a line in a block that HAProxy does not read

# Texts of one load balancer differ in few lines: equal server lines become the same objects, which
# also makes comparing fast. By proxy and its defaults, then by line.
ServersByLine = dict[tuple[str, tuple[Line, ...]], dict[str, ServerLine]]


@dataclass(frozen=True, slots=True)
class _Run:
    """Server lines that follow each other: from line ``start`` to before ``end``, counted from 0.

    They are the servers ``first`` and on of the section with the index ``section``.
    """

    section: int
    first: int
    proxy: str
    defaults: tuple[Line, ...]
    start: int
    end: int

    def server(self, line: str) -> ServerLine | None:
        """What ``line`` is here, ``None`` where it is no server or has variables."""
        words, exact = split(line)
        if not exact or len(words) < 3 or words[0] != "server":
            return None
        return ServerLine(self.proxy, words[1], words[2], words[3:], self.defaults)

    def moved(self, lines: int, section: int) -> "_Run":
        """This run after one before it has grown by ``lines`` in the section of that index."""
        first = self.first + (lines if self.section == section else 0)
        start, end = self.start + lines, self.end + lines
        return _Run(self.section, first, self.proxy, self.defaults, start, end)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text that was read, and where its servers stand."""

    lines: list[str]
    configuration: Configuration
    runs: list[_Run]

    def servers_by_line(self) -> ServersByLine:
        found: ServersByLine = {}
        for run in self.runs:
            servers = self.configuration.sections[run.section].servers[run.first :]
            here = found.setdefault((run.proxy, run.defaults), {})
            pairs = zip(self.lines[run.start : run.end], servers, strict=False)
            # A line with variables is looked at each time.
            here.update((line, server) for line, server in pairs if not server.raw)
        return found

    def changed_to(self, lines: list[str]) -> "_Reading | None":
        """The reading of ``lines`` if they differ in one run of servers alone."""
        if self.configuration.uncertain:
            return None
        start, same_end = common_ends(self.lines, lines)
        end, new_end = len(self.lines) - same_end, len(lines) - same_end
        for at, run in enumerate(self.runs):
            if run.start <= start and end <= run.end:
                come = [run.server(line) for line in lines[start:new_end]]
                servers = tuple(server for server in come if server is not None)
                if len(servers) < len(come):
                    return None
                return _Reading(lines, *self._with_servers(at, start, end, servers))
        return None

    def _with_servers(
        self, at: int, start: int, end: int, servers: tuple[ServerLine, ...]
    ) -> tuple[Configuration, list[_Run]]:
        """With ``servers`` instead of those on the lines from ``start`` to before ``end``."""
        run, more = self.runs[at], len(servers) - (end - start)
        here, old = run.section, self.configuration
        section, begins = old.sections[here], old.starts[here]
        first = run.first + start - run.start
        changed = replace(
            section,
            servers=section.servers[:first] + servers + section.servers[first + end - start :],
            lines=tuple(
                replace(line, below=line.below + more) if begins + line.below > end else line
                for line in section.lines
            ),
        )
        sections = (*old.sections[:here], changed, *old.sections[here + 1 :])
        starts = (*old.starts[: here + 1], *(begin + more for begin in old.starts[here + 1 :]))
        runs = self.runs.copy()
        runs[at] = replace(run, end=run.end + more)
        if more:
            runs[at + 1 :] = [later.moved(more, here) for later in runs[at + 1 :]]
        return Configuration(sections, starts, ""), runs


_last: list[_Reading] = []  # the last text that was read, if any


@lru_cache(maxsize=4)
def parse(text: str) -> Configuration:
    """The model of ``text``; the last few are remembered, as one text is asked about many times."""
    lines = text.split("\n")
    reading = next((found for last in _last if (found := last.changed_to(lines))), None)
    if reading is None:
        reader = _Reader(_last[0].servers_by_line() if _last else {})
        for at, line in enumerate(lines):
            reader.take(line, at)
        reading = reader.end(lines)
    _last[:] = [reading]
    return reading.configuration


class _Reader:
    """Takes line by line; ``at`` counts them from 0."""

    def __init__(self, known: ServersByLine) -> None:
        self._all_known = known
        self._sections: list[Section] = []
        self._starts: list[int] = []
        self._runs: list[_Run] = []
        self._uncertain = ""
        self._named: dict[str, Section] = {}
        self._latest: Section | None = None
        self._blocks = Blocks()
        self._start(Line(("",)), 0)

    def _start(self, header: Line, number: int) -> None:
        self._header, self._number = header, number
        self._kind = header.words[0]
        self._lines: list[Line] = []
        self._servers: list[ServerLine] = []
        self._from = self._inherited(header.words)
        self._has_servers = self._kind in ("backend", "listen")
        inherited = self._from.effective if self._from else ()
        self._defaults = tuple(line for line in inherited if line.words[0] == "default-server")
        self._name = name_of(header.words)
        self._take_defaults()

    def _take_defaults(self) -> None:
        """What server lines become here depends on proxy and defaults."""
        here = (self._name, self._defaults)
        reads = self._has_servers and self._blocks.taken
        self._known = self._all_known.get(here, {}) if reads else {}
        self._begun = -1  # the first line of the run of servers, -1 for none

    def _inherited(self, words: Words) -> Section | None:
        if self._kind in PROXIES | {"defaults"} and (name := taken_over(words)):
            return self._named.get(name)
        return self._latest if self._kind in PROXIES else None

    def take(self, line: str, at: int) -> None:
        server = self._known.get(line) or self._read(line, at)
        if server is None:
            self._end_run(at)
            return
        if self._begun < 0:
            self._begun = at
        self._servers.append(server)

    def _read(self, raw: str, at: int) -> ServerLine | None:
        """The server of this line, ``None`` where it is something else."""
        words, exact = split(raw)
        if not words:
            return None
        number = at + 1
        if words[0] in CONDITIONS:
            self._end_run(at)
            self._blocks.take(words, exact=exact)
            self._take_defaults()
        elif not exact and ".LINE" in raw:
            self._uncertain = self._uncertain or f"line {number} uses its own number"
        text = "" if exact else raw.strip()
        if words[0] in CONDITIONS or not self._reads(words, number):
            self._end_run(at)
            # Kept, since it has to be the same, yet nobody takes it for a setting.
            mark = () if words[0] in CONDITIONS else (PASSED_OVER,)
            self._take_line(Line((*mark, *words), text, number - self._number))
            return None
        if words[0] == "server" and self._has_servers and len(words) > 2:
            return ServerLine(self._name, words[1], words[2], words[3:], self._defaults, text)
        self._end_run(at)
        if words[0] in SECTIONS:
            self._end_section()
            self._start(Line(words, text), number)
        else:
            self._take_line(Line(words, text, number - self._number))
        return None

    def _reads(self, words: Words, number: int) -> bool:
        """Whether HAProxy reads the line, as far as blocks go; also where that is not certain.

        What may or may not stand in ``global`` changes no server.
        """
        taken = self._blocks.taken
        if taken is None and (self._kind != "global" or words[0] in SECTIONS):
            self._uncertain = self._uncertain or f"line {number} has a condition before it"
        return taken is not False

    def _take_line(self, line: Line) -> None:
        self._lines.append(line)
        if line.words[0] == "default-server":
            self._defaults = (*self._defaults, line)
            self._take_defaults()

    def _end_run(self, end: int) -> None:
        if self._begun >= 0:
            first = len(self._servers) - (end - self._begun)
            here = len(self._sections)
            run = _Run(here, first, self._name, self._defaults, self._begun, end)
            self._runs.append(run)
            self._begun = -1

    def _end_section(self) -> None:
        section = Section(
            self._kind, self._header, tuple(self._lines), tuple(self._servers), self._from
        )
        if self._kind or section.lines:
            self._sections.append(section)
            self._starts.append(self._number)
        if self._kind == "defaults":
            self._latest = section
            if section.name:
                self._named[section.name] = section

    def end(self, lines: list[str]) -> _Reading:
        self._end_run(len(lines))
        self._end_section()
        sections, starts = tuple(self._sections), tuple(self._starts)
        return _Reading(lines, Configuration(sections, starts, self._uncertain), self._runs)
