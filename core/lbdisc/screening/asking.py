"""Asking the machine's resolver for all addresses of a host name, as HAProxy and libc do."""

import ipaddress
import socket
import time
from dataclasses import dataclass

SOON = 2.0  # seconds: an error that takes longer is a name server that did not answer
_LOOPBACK = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class NameAnswer:
    """``given``: somebody answered, be it that there is no such name."""

    addresses: tuple[str, ...] = ()
    given: bool = False


def known(host: str) -> tuple[str, ...]:
    """The addresses of a name that every machine knows by itself (RFC 6761 6.3), else none."""
    return _LOOPBACK if host == "localhost" or host.endswith(".localhost") else ()


def ask(host: str) -> NameAnswer:
    """What the resolver says; it may take as long as it likes."""
    began = time.monotonic()
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        silent = getattr(error, "errno", None) == socket.EAI_AGAIN
        return NameAnswer(given=not silent and time.monotonic() < began + SOON)
    return NameAnswer(tuple(sorted({_plain(str(its[4][0])) for its in found})), given=True)


def _plain(address: str) -> str:
    """In its canonical form, without a scope."""
    return str(ipaddress.ip_address(address.partition("%")[0]))
