"""The host names that HAProxy asks the machine's resolver for at its start, a text without. Pure.

It asks before it serves, one name after the other, and waits: ten seconds and more for each while
no name server answers. ``init-addr`` says in which order an address is found (configuration manual
5.2; ``last,libc`` where it does not say): ``last`` is the one in the server-state file.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from lbdisc.haproxy.language.lines import ServerLine
from lbdisc.haproxy.language.model import Configuration
from lbdisc.haproxy.planning.servers import canonical_ip, endpoint
from lbdisc.haproxy.planning.templated import templated

Key = tuple[str, str]
_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # one that begins with _ is an SRV record
_LINE = re.compile(
    r"(\s*(?:server\s+[^\s\"'\\$#]+|server-template(?:\s+[^\s\"'\\$#]+){2})\s+)(\S+)"
)
_PROXY = re.compile(r"\s*(?:backend|listen)\s+(\S+)")
_ANY_ADDRESS = "192.0.2.1"  # RFC 5737: nobody's


@dataclass(frozen=True, slots=True)
class Named:
    """A server at ``host``.

    HAProxy ``asks`` libc for it where it knows no ``last`` address, and does not start without one
    if it ``must`` have it.
    """

    key: Key
    host: str
    asks: bool
    must: bool
    last: bool


def named(configuration: Configuration) -> dict[Key, Named]:
    """The servers that have a host name, also those of templates."""
    return {its.key: its for its in map(_named, _with_name(configuration))}


def _with_name(configuration: Configuration) -> Iterator[ServerLine]:
    for section in configuration.proxies.values():
        yield from (server for server in section.servers if host_name(server.address))
    for server in templated(configuration).values():
        if host_name(server.address):
            yield server


@lru_cache(maxsize=1 << 15)
def host_name(address: str) -> str:
    """The host name in a server's address word, ``""`` where there is none."""
    host, _ = endpoint(address)
    return host if _HOST_NAME.fullmatch(host) and not canonical_ip(host) else ""


def _named(server: ServerLine) -> Named:
    words = [word for line in server.defaults for word in line.words] + list(server.options)
    given = [value for word, value in pairwise(words) if word == "init-addr"]
    methods = given[-1].split(",") if given else ["last", "libc"]
    asks = "libc" in methods
    sure = [its for its in methods if its == "none" or canonical_ip(its)]
    if asks and sure:
        asks = methods.index("libc") < methods.index(sure[0])
    return Named(server.key, host_name(server.address), asks, not sure, "last" in methods)


def without_names(text: str, spared: Callable[[str, str], bool]) -> str:
    """``text`` with an IP address for each server's host name that is ``spared`` (proxy, host).

    It has the same lines, for a check that asks no resolver for them.
    """
    proxy, lines = "", text.split("\n")
    for at, line in enumerate(lines):
        if found := _PROXY.match(line):
            proxy = found[1]
        elif found := _LINE.match(line):
            host = host_name(found[2])
            if host and not found[2].startswith("ipv6@") and spared(proxy, host):
                address = found[2].replace(host, _ANY_ADDRESS, 1)
                lines[at] = found[1] + address + line[found.end() :]
    return "\n".join(lines)
