"""The servers that ``server-template`` lines make: each is known by its name and number. Pure.

``server-template PREFIX NUM FQDN[:PORT] …`` makes PREFIX1 to PREFIXNUM, with ``M-N`` instead of NUM
those from M to N (configuration manual 4.2, "server-template").
"""

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping
from typing import cast

from lbdisc.haproxy.language.lines import Line, ServerLine
from lbdisc.haproxy.language.model import Configuration, Section

_RANGE = re.compile(r"(?:(\d{1,6})-)?(\d{1,6})")
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
            prefix, numbers, address, *options = line.words[1:]
            for number in _numbers(numbers):
                name = f"{prefix}{number}"
                yield ServerLine(section.name, name, address, tuple(options), defaults, line.raw)


def _numbers(text: str) -> range:
    """Those of ``NUM`` or ``M-N``; none where an environment variable says it."""
    found = _RANGE.fullmatch(text)
    return range(int(found[1] or 1), int(found[2]) + 1) if found else range(0)
