"""The servers that ``server-template`` lines make, as lines of their own would make them. Pure."""

from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping
from typing import cast

from lbdisc.haproxy.language.lines import Line, ServerLine
from lbdisc.haproxy.language.model import Configuration, Section
from lbdisc.haproxy.language.slots import names_of

Key = tuple[str, str]
Servers = MutableMapping[Key, ServerLine]  # never changed; a ChainMap asks for it


def templated(configuration: Configuration) -> dict[Key, ServerLine]:
    """Each server of a template by proxy and name, as a line of its own would make it."""
    return {
        server.key: server
        for section in configuration.proxies.values()
        if section.last("server-template")
        for server in _of(section)
    }


def with_templated(configuration: Configuration) -> Mapping[Key, ServerLine]:
    """All servers that HAProxy has of the file: those of lines of their own, and of templates."""
    return ChainMap(templated(configuration), cast(Servers, configuration.servers))


def _of(section: Section) -> Iterator[ServerLine]:
    defaults: tuple[Line, ...] = ()
    for line in section.effective:
        if line.words[0] == "default-server":
            defaults = (*defaults, line)
        if line.words[0] == "server-template" and len(line.words) > 3:
            address, *options = line.words[3:]
            for name in names_of(line):
                yield ServerLine(section.name, name, address, tuple(options), defaults, line.raw)
