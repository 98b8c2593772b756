"""The forms of an address to listen on (configuration manual 11, "Address formats").

Forms that a version brought: ``quic4@`` 2.6, ``abnsz@`` and ``mptcp@`` 3.2.
"""

import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lbdisc.haproxy.binding.wanted import Listening

_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
# Prefix: whether it takes datagrams (None: the line decides), and the family that it asks for.
_INET: Mapping[str, tuple[bool | None, str]] = {
    **dict.fromkeys(("ip@", "inet@"), (None, "")),
    **{"ipv4@": (None, "4"), "ipv6@": (None, "6"), "udp@": (True, "")},
    **{"udp4@": (True, "4"), "udp6@": (True, "6"), "quic4@": (True, "4"), "quic6@": (True, "6")},
    **{"tcp@": (False, ""), "tcp4@": (False, "4"), "tcp6@": (False, "6")},
    **{"mptcp@": (False, ""), "mptcp4@": (False, "4"), "mptcp6@": (False, "6")},
}
_PATHS = ("unix@", "uxst@", "uxdg@")
_ABSTRACT = ("abns@", "abnsz@")
# Made by somebody else, or nothing that is bound.
_OTHERS = ("fd@", "sockpair@", "rhttp@", "rev@")
ANY = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Target:
    """One socket to bind: an IP ``host`` and ``port``, a ``path``, or an abstract name (bytes).

    ``dual``: an IPv6 address that takes IPv4 as well, ``None`` where the system decides.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    abstract: bytes = b""
    datagrams: bool = False
    dual: bool | None = None

    @property
    def family(self) -> socket.AddressFamily:
        if self.path or self.abstract:
            return socket.AF_UNIX
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def covers(self, other: "Target") -> bool:
        """Whether a socket that is bound here is in the way of one for ``other``."""
        if self.path or self.abstract or self.datagrams != other.datagrams:
            return self == other
        return self.port == other.port and (
            self.host == other.host or self.host in ANY or other.host in ANY
        )


def targets(listener: Listening) -> Iterator[Target]:
    """The sockets that ``listener`` stands for; none where that cannot be told.

    A host name is asked for as HAProxy does; one that is not found is HAProxy's to tell.
    """
    text = listener.address.removeprefix("stream+").removeprefix("dgram+")
    datagrams = listener.datagrams or listener.address.startswith("dgram+")
    if text.startswith(_OTHERS):
        return
    for prefix in _ABSTRACT:
        if text.startswith(prefix):
            yield Target(abstract=_abstract(text[len(prefix) :], padded=prefix == "abns@"))
            return
    for prefix in _PATHS:
        if text.startswith(prefix):
            yield Target(path=listener.prefix + text[len(prefix) :])
            return
    if text.startswith("/"):
        yield Target(path=listener.prefix + text)
        return
    prefix = next((each for each in _INET if text.startswith(each)), "")
    sends, family = _INET.get(prefix, (None, ""))
    kind = datagrams if sends is None else sends
    found = Target(datagrams=kind, dual=_dual(listener))
    yield from _inet(text[len(prefix) :], family, found)


def _dual(listener: Listening) -> bool | None:
    """HAProxy leaves it to the system unless told (measured: then ``:::80`` takes both)."""
    if listener.option("v6only"):
        return False
    return True if listener.option("v4v6") else None


def _inet(text: str, family: str, like: Target) -> Iterator[Target]:
    host, colon, ports = text.rpartition(":")
    found = _PORTS.fullmatch(ports)
    if not colon or not found:
        return
    address = _address(host.strip("[]"), family)
    for port in range(int(found[1]), int(found[2] or found[1]) + 1) if address else ():
        yield replace(like, host=address, port=port)


def _address(host: str, family: str) -> str:
    """The IP address of ``host`` as text, ``""`` for none."""
    if host in ("", "*"):
        return "::" if family == "6" else "0.0.0.0"
    wanted = {"4": socket.AF_INET, "6": socket.AF_INET6}.get(family, socket.AF_UNSPEC)
    try:
        found = socket.getaddrinfo(host, None, wanted, socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return ""
    return str(found[0][4][0])


def _abstract(name: str, *, padded: bool) -> bytes:
    """``abns@`` fills the whole structure with zeros (sun_path, 108 bytes)."""
    raw = b"\0" + name.encode(errors="surrogateescape")
    return raw.ljust(108, b"\0") if padded else raw
