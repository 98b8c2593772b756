"""Whom a `bind` lets in: this machine alone, or others too."""

import re

from lbdisc import addresses

_FAMILY = re.compile(r"(?:ipv4|ipv6|tcp4?|tcp6|quic4|quic6)@")
_LOCAL = ("/", "unix@", "uxst@", "abns@", "abnsz@")  # sockets in files, or names of the kernel's


def is_loopback(bind: object) -> bool:
    """Whether the words of a `bind` (manual 4.2) name addresses of this machine alone.

    In a template and in ``refused_if``: ``stats_bind is loopback``.
    """
    words = str(bind).split()
    return bool(words) and all(map(_is_local, words[0].split(",")))


def _is_local(address: str) -> bool:
    if address.startswith(_LOCAL):
        return True
    host = _FAMILY.sub("", address, count=1).rpartition(":")[0]
    return host == "localhost" or addresses.is_loopback(host.removeprefix("[").removesuffix("]"))
