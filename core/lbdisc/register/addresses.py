"""The address under which others reach this machine, when none is given."""

import ipaddress
import socket
from contextlib import suppress

# Documentation ranges (RFC 5737, RFC 3849): nobody is there, so the way to them is the default
# route. Connecting a UDP socket only asks the kernel for that way; nothing is sent.
_SOMEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_DISCARD = 9
LOOPBACK = "127.0.0.1"


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches ``address``; a host name counts as reachable."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def routed_address(family: socket.AddressFamily) -> str:
    """The own address on the way to the default route, empty when there is none."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((_SOMEWHERE[family], _DISCARD))
        return _usable(str(probe.getsockname()[0]))
    return ""


def named_address() -> str:
    """The first address of the host's name that others can reach, empty when there is none."""
    with suppress(OSError):
        for *_, where in socket.getaddrinfo(socket.gethostname(), None):
            if usable := _usable(str(where[0])):
                return usable
    return ""


def _usable(text: str) -> str:
    """``text`` in its canonical form if another machine can use it as it stands, else empty."""
    address = ipaddress.ip_address(text.partition("%")[0])
    # A link-local IPv6 address means nothing without a scope, which differs on each machine.
    scoped = address.version == 6 and address.is_link_local
    unusable = address.is_loopback or address.is_unspecified or scoped
    return "" if unusable else str(address)


class OwnAddress:
    """The own address, followed while it changes (a new lease, a network that comes up late).

    The default route's IPv4 address, else its IPv6 address, else that of the host's name, else the
    loopback address. Once found it stays until the default route has another of the same family: a
    route that is gone for a moment moves nothing. May be asked by several threads.
    """

    def __init__(self) -> None:
        self._last = (
            routed_address(socket.AF_INET)
            or routed_address(socket.AF_INET6)
            or named_address()
            or LOOPBACK
        )

    def current(self) -> str:
        """The address now; asks the kernel only, never a name server."""
        families = [socket.AF_INET, socket.AF_INET6]
        if not is_loopback(self._last):
            families = [socket.AF_INET6 if ":" in self._last else socket.AF_INET]
        found = next(filter(None, map(routed_address, families)), self._last)
        self._last = found
        return found
