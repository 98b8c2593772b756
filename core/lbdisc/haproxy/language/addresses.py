"""Where a ``stats socket`` can be dialled, from the address as HAProxy's configuration has it.

Configuration manual 4.2, "bind", and 11.2 "Address formats"; that a ``unix-bind prefix`` does not
count for ``stats socket`` was measured on 2.6 to 3.4.
"""

import re
from contextlib import suppress
from dataclasses import dataclass

from lbdisc.errors import SettingsError, shown

_TCP = ("ipv4@", "ipv6@", "tcp4@", "tcp6@", "tcp@", "mptcp4@", "mptcp6@", "mptcp@")
_PORTS = re.compile(r"([0-9]{1,5})(?:-[0-9]{1,5})?")
_EVERYWHERE = {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
_ABSTRACT = 107  # characters of an ``abns@`` name with the zeros that fill it


@dataclass(frozen=True, slots=True)
class Unix:
    """A path, or a name that begins with a zero where it is abstract."""

    path: str


@dataclass(frozen=True, slots=True)
class Tcp:
    """A host that listens on all addresses is met at loopback."""

    host: str
    port: int


Target = Unix | Tcp


def where(address: str) -> Target:
    """What to connect to for one ``address``. Raises ``SettingsError`` when there is no such thing.

    A word without a prefix and without a port is a path, as for sockets that HAProxy does not name.
    """
    text = address.removeprefix("stream+")
    for prefix in ("unix@", "uxst@"):
        if text.startswith(prefix):
            return Unix(text.removeprefix(prefix))
    if text.startswith("abns@"):
        return Unix("\0" + text.removeprefix("abns@").ljust(_ABSTRACT, "\0"))
    if text.startswith("abnsz@"):
        return Unix("\0" + text.removeprefix("abnsz@"))
    if "/" in text and "@" not in text.split("/")[0]:
        return Unix(text)
    return _tcp(text) if ":" in text or "@" in text else Unix(text)


def _tcp(text: str) -> Tcp:
    kind = next((prefix for prefix in _TCP if text.startswith(prefix)), "")
    host, _, ports = text.removeprefix(kind).rpartition(":")
    found = _PORTS.fullmatch(ports)
    if "@" in host or not found or not 0 < int(found[1]) < 65536:
        raise SettingsError(f"HAProxy's socket {shown(text)}: a path or host:port is needed")
    host = host.removeprefix("[").removesuffix("]")
    host = "::" if kind.endswith("6@") and host in ("", "*") else host
    return Tcp(_EVERYWHERE.get(host, host), int(found[1]))


def why_not(address: str) -> str:
    """Why a ``stats socket`` at ``address`` cannot be dialled from here, ``""`` if it can be."""
    text = address.removeprefix("stream+")
    if "$" in text:
        return "its address has variables, which only HAProxy knows"
    if text.startswith(("fd@", "sockpair@")):
        return "its address is a descriptor that HAProxy was handed"
    with suppress(SettingsError):
        target = where(address)
        if isinstance(target, Unix) and not target.path.startswith(("/", "\0")):
            return "its path starts at the folder that HAProxy runs in"
        return ""
    return "its address is of a kind that is not known"
