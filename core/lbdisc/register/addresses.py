"""The address under which others reach this machine, when it is not given as such."""

import ipaddress
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Protocol

from lbdisc.addresses import is_loopback
from lbdisc.errors import EntryError, SettingsError, shown

# Documentation ranges (RFC 5737, RFC 3849): nobody is there, so the way to them is the default
# route. Connecting a UDP socket only asks the kernel for that way; nothing is sent.
_SOMEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_DISCARD = 9
LOOPBACK = "127.0.0.1"
# What Linux and systemd call network interfaces; one of another name has to be there at the start.
_INTERFACE = re.compile(
    r"(eth|en[ospx]|wl|ib|br|bond|team|vlan|veth|docker|tun|tap|wg)[\w.-]*\d\w*"
)


class NoAddress(EntryError):
    """There is no own address where one should be, at this moment."""


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


class Whereabouts(Protocol):
    """Knows an address of this machine."""

    def current(self) -> str:
        """The address now. Raises ``NoAddress``."""


class FixedAddress:
    """The address, or the host name, that somebody gave."""

    def __init__(self, address: str) -> None:
        self._address = address

    def current(self) -> str:
        return self._address


class PlacedAddress:
    """The own address in a network (``10.0.1.0/24``) or of an interface (``eth1``).

    IPv4 goes before IPv6, and the one that was found stays while it is there, or while there is no
    other. May be asked by several threads.
    """

    def __init__(self, place: str, belongs: Callable[[str, str], bool]) -> None:
        self._place = place
        self._belongs = belongs
        self._last = ""

    def current(self) -> str:
        """The address now; asks the kernel only. Raises ``NoAddress`` before there was any."""
        found = [own for name, own in own_addresses() if self._belongs(name, own)]
        if self._last not in found and found:
            self._last = min(found, key=lambda own: ":" in own)
        if not self._last:
            there = ", ".join(f"{name} {own}" for name, own in own_addresses())
            raise NoAddress(f"no own address at {self._place} (there are: {there or 'none'})")
        return self._last


def whereabouts(text: str) -> Whereabouts:
    """What ``text`` stands for: a network, an interface, a given address; nothing: to be found.

    Raises ``SettingsError`` for a network that is none.
    """
    if not text:
        return OwnAddress()
    if "/" in text:
        network = _network(text)
        return PlacedAddress(text, lambda _, own: ipaddress.ip_address(own) in network)
    if _INTERFACE.fullmatch(text) or text in _interfaces():
        return PlacedAddress(text, lambda name, _: name == text)
    return FixedAddress(text)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise SettingsError(
            f"register.address: {shown(text)} is no network such as 10.0.1.0/24"
        ) from None


def _interfaces() -> set[str]:
    return {name for _, name in socket.if_nameindex()}


def own_addresses() -> Iterator[tuple[str, str]]:
    """The interfaces and their addresses that other machines can use, in the kernel's order."""
    import psutil  # here: it costs an idle registrar memory that few need

    for name, entries in psutil.net_if_addrs().items():
        for entry in entries:
            if entry.family in _SOMEWHERE and (own := _usable(entry.address)):
                yield name, own
