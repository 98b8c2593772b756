"""The ``stats socket`` lines of a configuration (configuration manual 3.1 and 5.1)."""

from collections.abc import Iterator

from lbdisc.haproxy.language.addresses import why_not
from lbdisc.haproxy.language.lines import Line, StatsSocket, Words

# Keywords of the line that come with a value, which may read like another keyword.
_VALUED = frozenset(
    (
        *("level", "mode", "user", "group", "uid", "gid", "severity-output", "expose-fd", "name"),
        *("namespace", "interface", "maxconn", "backlog", "process", "thread", "shards", "id"),
        *("crt", "crt-list", "ca-file", "ciphers", "ciphersuites", "curves", "alpn", "verify"),
        *("ssl-min-ver", "ssl-max-ver", "mss", "tcp-ut", "nice", "proto", "label", "cc"),
    )
)
# Keywords that make a client talk otherwise than over a plain connection.
_CLOSED = {
    "ssl": "it talks TLS",
    "accept-proxy": "it wants the PROXY protocol",
    "namespace": "it is in a network namespace of its own",
}


def sockets_of(line: Line, number: int) -> Iterator[StatsSocket]:
    """One for each address of the line ``stats socket ADDRESS[,ADDRESS]…``; none without any."""
    if len(line.words) < 3:
        return
    options = _options(line.words[3:])
    level = options.get("level", "operator")
    closed = next((why for keyword, why in _CLOSED.items() if keyword in options), "")
    if "$" in level:
        closed = closed or "its level has variables, which only HAProxy knows"
    for address in line.words[2].split(","):
        why = closed or why_not(address)
        yield StatsSocket(address, level, options.get("mode", ""), number, why)


def _options(words: Words) -> dict[str, str]:
    """Keyword and value, ``""`` for none; of two the last counts, as for HAProxy (measured)."""
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        found[word] = next(rest, "") if word in _VALUED else ""
    return found
