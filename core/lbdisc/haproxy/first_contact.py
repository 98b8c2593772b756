"""Which servers a text has, also one that lbdisc did not write. Pure.

By proxy, address and port: disabled and backup servers count, and a ``server-template`` counts as
often as it makes servers. What environment variables stand for only HAProxy knows: such a word is
taken as it is written.
"""

from collections.abc import Iterator

from lbdisc.haproxy.language.slots import numbers_of
from lbdisc.haproxy.language.text import Section, parse
from lbdisc.haproxy.planning.servers import canonical_ip
from lbdisc.losses import ProxyServer


def servers_in(text: str) -> tuple[ProxyServer, ...]:
    """All servers of all proxies, in the order of ``text``."""
    sections = (s for s in parse(text).sections if s.kind in ("backend", "listen"))
    return tuple(server for section in sections for server in _servers_of(section))


def _servers_of(proxy: Section) -> Iterator[ProxyServer]:
    for server in proxy.servers:
        yield ProxyServer(proxy.name, server.name, _canonical(server.address))
    for line in proxy.lines:
        if line.words[0] == "server-template" and len(line.words) > 3:
            prefix, _, address = line.words[1:4]
            count = max(1, len(numbers_of(line)))
            yield ProxyServer(proxy.name, prefix, _canonical(address), count)


def _canonical(address: str) -> str:
    """``address`` as all would write it: ``ipv4@10.0.0.1:80`` is ``10.0.0.1:80``."""
    text = address.removeprefix("ipv4@").removeprefix("ipv6@")
    host, colon, port = text.rpartition(":")
    if not colon:
        return canonical_ip(text) or text
    ip = canonical_ip(host.strip("[]"))
    return f"[{ip}]:{port}" if ":" in ip else f"{ip or host}:{port}"
