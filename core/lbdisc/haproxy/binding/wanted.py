"""Every line of a configuration that makes HAProxy bind an address when it starts.

| section | keyword | binds | source |
|---|---|---|---|
| global | ``stats socket`` | a stream | manual 3.1 |
| frontend, listen | ``bind`` | a stream, or datagrams (``quic4@``) | manual 4.2 |
| peers | ``bind``; ``peer`` and ``server`` of the local peer | a stream | manual 3.5 |
| log-forward | ``bind``, ``dgram-bind`` | a stream, datagrams | manual 3.10 |

Nothing else does before there is traffic (measured on 2.6): the servers of ``ring``, name servers
of ``resolvers``, ``mailers``, log targets and ``source`` are bound when they are connected.
"""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lbdisc.haproxy.binding.environment import Environment, as_set, expanded
from lbdisc.haproxy.language.lines import Line, Words
from lbdisc.haproxy.language.model import Configuration, Section

# Options of a line that decide what socket is made, with their number of values (manual 5.1).
_DECIDING: Mapping[str, int] = {
    **dict.fromkeys(("transparent", "v4v6", "v6only"), 0),
    **dict.fromkeys(("interface", "namespace"), 1),
}


@dataclass(frozen=True, slots=True)
class Listening:
    """One address to listen on, as written but for variables; ``number`` is that of its line.

    ``options`` are those that decide what socket is made. ``prefix`` comes before a path.
    """

    address: str
    options: frozenset[Words] = frozenset()
    datagrams: bool = False
    prefix: str = ""
    what: str = field(default="bind", compare=False)
    section: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)

    def option(self, name: str) -> str:
        """The value of the option, its name where it takes none; ``""`` without it."""
        return next((words[-1] for words in self.options if words[0] == name), "")


def listeners(
    configuration: Configuration,
    *,
    environment: Environment | None = None,
    local_peer: str = "",
) -> tuple[Listening, ...]:
    """All of ``configuration``, without those whose variables nobody knows.

    ``local_peer`` is HAProxy's ``-L``; without it and ``localpeer`` it is the host's name.
    """
    known = as_set(configuration, environment)
    peer = _last(configuration, "localpeer") or local_peer or socket.gethostname()
    paths = _path_prefix(configuration)
    found: list[Listening] = []
    for section, line, number in configuration.numbered:
        if _is_off(section):
            continue
        for what, addresses, options in _of(section, line, expanded(peer, known) or peer):
            whole = expanded(addresses, known)
            for address in (whole or "").split(","):
                if address:
                    found.append(
                        Listening(
                            address,
                            _deciding(options),
                            what == "dgram-bind",
                            "" if section.kind == "global" else paths,
                            what,
                            f"{section.kind} {section.name}".strip(),
                            number,
                        )
                    )
    return tuple(found)


def _of(section: Section, line: Line, peer: str) -> Iterator[tuple[str, str, Words]]:
    """What the line binds: its keyword, the addresses and the options behind them."""
    match section.kind, line.words:
        case "global", ("stats", "socket", address, *options):
            yield "stats socket", address, tuple(options)
        case (("frontend" | "listen" | "peers" | "log-forward"), ("bind", address, *options)):
            yield "bind", address, tuple(options)
        case "log-forward", ("dgram-bind", address, *options):
            yield "dgram-bind", address, tuple(options)
        case "peers", (("peer" | "server") as word, name, address, *options) if name == peer:
            yield f"{word} {name}", address, tuple(options)


def _is_off(section: Section) -> bool:
    """Whether the last word on it is ``disabled``."""
    if section.kind not in ("frontend", "listen", "peers"):
        return False
    said = [line.words[0] for line in section.effective if line.words in (("disabled",), _ON)]
    return said[-1:] == ["disabled"]


_ON: Words = ("enabled",)


def _deciding(options: Words) -> frozenset[Words]:
    return frozenset(
        options[at : at + 1 + _DECIDING[word]]
        for at, word in enumerate(options)
        if word in _DECIDING
    )


def _last(configuration: Configuration, keyword: str) -> str:
    values = [line.words[1] for line in configuration.globals(keyword) if len(line.words) > 1]
    return values[-1] if values else ""


def _path_prefix(configuration: Configuration) -> str:
    """``unix-bind prefix`` of global, for all but stats sockets."""
    found = ""
    for line in configuration.globals("unix-bind"):
        if "prefix" in line.words[:-1]:
            found = line.words[line.words.index("prefix") + 1]
    return found
