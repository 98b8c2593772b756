"""What a proxy's lines mean for changes of its servers at run time. Pure."""

import re
from collections.abc import Iterator
from itertools import pairwise

from lbdisc.haproxy.language.lines import ServerLine, Words
from lbdisc.haproxy.language.model import Configuration, Section
from lbdisc.haproxy.planning.servers import Spec, Unfit, canonical_ip
from lbdisc.haproxy.sockets.orders import is_word
from lbdisc.haproxy.versions import (
    AT_START_ONLY,
    DYNAMIC_BALANCE,
    HASH_BALANCE,
    SSL_DEFAULTS,
    STATIC,
    Features,
)

_ALGORITHM = re.compile(r"[a-z_-]*")


def algorithm(section: Section) -> str:
    """The name of the balance algorithm.

    Where the file does not say it is roundrobin, and random from HAProxy 3.3 on: both take servers
    and weights at any time, and what is told of one here is true of the other.
    """
    line = section.last("balance")
    if line is None or len(line.words) < 2:
        return "roundrobin"
    found = _ALGORITHM.match(line.words[1])
    return found.group() if found and not line.raw else ""


def is_http(section: Section) -> bool:
    """Whether its connections to servers may serve several requests; tcp is the default."""
    mode = section.last("mode")
    return mode is not None and mode.words[1:] == ("http",)


def is_dynamic(section: Section) -> bool:
    """Whether servers may come, and weights change, while HAProxy runs."""
    name = algorithm(section)
    hashing = section.last("hash-type")
    consistent = hashing is not None and hashing.words[1:2] == ("consistent",)
    return name in DYNAMIC_BALANCE or (name in HASH_BALANCE and consistent)


def depends_on_order(section: Section) -> bool:
    """Whether the order of the server lines decides who gets a request."""
    return algorithm(section) == "first" or not is_dynamic(section) or bool(numbered(section))


def numbered(section: Section) -> str:
    """A server that the file's order gives the number its hash goes by, ``""`` for none.

    A consistent hash puts servers where their ids are (manual 4.2, "hash-type"). One without ``id``
    is counted from the start of the file, and by another count when it comes at run time.
    """
    if algorithm(section) not in HASH_BALANCE or not is_dynamic(section):
        return ""
    return next((server.name for server in section.servers if not _has_id(server)), "")


def _has_id(server: ServerLine) -> bool:
    return "id" in server.options


def has_dynamic_cookies(section: Section) -> bool:
    line = section.last("cookie")
    return line is not None and "dynamic" in line.words


def mentions(configuration: Configuration) -> frozenset[str]:
    """The names by which other lines may mean a server."""
    return frozenset(
        name
        for section in configuration.sections
        for proxy, name in section.mentions
        if not proxy or proxy in configuration.proxies
    )


def chooses_by_name(section: Section) -> bool:
    """Whether a rule may pick a server by a name that is only known per request."""
    return any(
        line.raw or "%[" in (line.words[1] if len(line.words) > 1 else "")
        for line in section.every("use-server")
    )


def check_addable(
    spec: Spec, section: Section, configuration: Configuration, features: Features
) -> None:
    """Raise ``Unfit`` unless a server added at run time would be the one of the file."""
    where = f"server {spec.proxy}/{spec.name}"
    if not is_dynamic(section):
        name = algorithm(section) or "balance"
        raise Unfit(f"{where}: {name} of {spec.proxy} takes no new servers at run time")
    if algorithm(section) == "first" and not spec.has("id"):
        raise Unfit(f"{where}: 'balance first' goes by ids, and it has none")
    _check_proxy(section, where)
    _check_keywords(spec, where, configuration, features)
    if not spec.is_ip:
        raise Unfit(f"{where}: host name {spec.host} is only resolved at a reload")
    if not spec.port:
        raise Unfit(f"{where}: it has no port of its own")
    words = (spec.host_port, *spec.words())
    odd = [word for word in words if not is_word(word)]
    if odd:
        raise Unfit(f"{where}: {odd[0]!r} cannot be told at the socket")


def check_loaded(spec: Spec, running: Configuration) -> None:
    """Raise ``Unfit`` if ``spec`` needs certificates to trust that HAProxy has not read.

    It reads files only when it starts, and keeps those of every line.
    """
    where = f"server {spec.proxy}/{spec.name}"
    path = spec.options.get("ca-file", ("",))[0]
    if not path:
        if spec.options.get("verify") == ("required",):
            raise Unfit(f"{where}: the certificates it trusts are not said")
        return
    lines = (d.words for s in running.proxies.values() for d in s.every("default-server"))
    known = (words for found in (lines, _options(running)) for words in found)
    if not any(("ca-file", path) in pairwise(words) for words in known):
        raise Unfit(f"{where}: {path} is only read at a reload")


def _options(configuration: Configuration) -> Iterator[Words]:
    return (server.options for server in configuration.servers.values())


def check_revivable(spec: Spec, section: Section) -> None:
    """Raise ``Unfit`` if a server that comes out of maintenance might be at the wrong place."""
    if depends_on_order(section) and not (is_dynamic(section) and spec.has("id")):
        raise Unfit(f"server {spec.proxy}/{spec.name} comes back, and its place counts there")


def _check_proxy(section: Section, where: str) -> None:
    mode = section.last("mode")
    if mode is not None and mode.words[1:] not in (("http",), ("tcp",)):
        raise Unfit(f"{where}: its proxy is not in mode http or tcp")
    for start in AT_START_ONLY:
        if section.every(*start):
            raise Unfit(f"{where}: {' '.join(start)!r} in its proxy needs a reload")
    for kind in ("tcp-check", "http-check"):
        if any("ssl" in line.words for line in section.every(kind, "connect")):
            raise Unfit(f"{where}: a check over ssl in its proxy needs a reload")


def _check_keywords(
    spec: Spec, where: str, configuration: Configuration, features: Features
) -> None:
    for keyword in spec.options:
        if keyword in STATIC and not features.accepts(keyword):
            raise Unfit(f"{where}: {keyword!r} needs a reload")
    if "addr" in spec.options and not canonical_ip(spec.options["addr"][0]):
        raise Unfit(f"{where}: its check address is no IP address")
    if spec.has("ssl", "check-ssl"):
        if spec.options.get("verify") not in (("none",), ("required",)):
            raise Unfit(f"{where}: whether its certificate is verified is not said: a reload")
        if any(word.startswith(SSL_DEFAULTS) for word in _global_words(configuration)):
            raise Unfit(f"{where}: the ssl defaults of 'global' only count at a reload")
    if not spec.options.get("sni", ("str(",))[0].startswith("str("):
        raise Unfit(f"{where}: an sni that is no fixed text needs a reload")


def _global_words(configuration: Configuration) -> Iterator[str]:
    return (line.words[0] for line in configuration.globals())
