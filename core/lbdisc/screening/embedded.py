"""The IPv4 addresses that an IPv6 address leads to, by a translator or through a tunnel."""

from collections.abc import Iterator
from ipaddress import IPv6Network

_ALL = 0xFFFFFFFF
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 2.1
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")  # RFC 8215; with a prefix of 96 bits, as is usual
_SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056 2
_TEREDO = IPv6Network("2001::/32")  # RFC 4380 4
_ISATAP = 0x5EFE  # RFC 5214 6.1, in the upper half of the interface, but for its "u" bit
_U_BIT = 0x02000000


def embedded(address: int) -> Iterator[int]:
    """The IPv4 addresses within the IPv6 ``address``, all as numbers."""
    if _within(address, _NAT64) or _within(address, _LOCAL_NAT64):
        yield address & _ALL
    elif _within(address, _SIX_TO_FOUR):
        yield address >> 80 & _ALL
    elif _within(address, _TEREDO):
        yield address >> 64 & _ALL  # its server
        yield ~address & _ALL
    if (address >> 32 & _ALL) & ~_U_BIT == _ISATAP:
        yield address & _ALL


def _within(address: int, network: IPv6Network) -> bool:
    return address & int(network.netmask) == int(network.network_address)
