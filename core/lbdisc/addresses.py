"""What may be written as an address, and the one form in which each is kept.

Readers differ in what ``127.1``, ``0x7f000001`` or ``::ffff:127.0.0.1`` means, and in whether it is
an address at all: inet_aton(3), which HAProxy and getaddrinfo(3) go by, takes all three. Who wants
to keep an address out has to know every way to write it, so only one way is taken.
"""

import ipaddress
import re
import socket

from lbdisc.errors import EntryError, shown

# RFC 1123 2.1: labels of letters, digits and inner hyphens; underscores occur in container names.
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
# What inet_aton(3) takes for a number; a name that ends in one is no name (URL standard, 3.5).
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_MOST = 253  # characters of a host name (RFC 1035 2.3.4, without the dot at the end)

# An IPv4 address in the last 32 bits, that a stack may take for that address itself.
_IPV4_INSIDE = {
    ipaddress.IPv6Network("::ffff:0:0/96"): "IPv4-mapped",  # RFC 4291 2.5.5.2
    ipaddress.IPv6Network("::ffff:0:0:0/96"): "IPv4-translated",  # RFC 2765 2.1
    ipaddress.IPv6Network("::/96"): "IPv4-compatible",  # RFC 4291 2.5.5.1
}
_LOOPBACK = ipaddress.IPv6Address("::1")
_BROADCAST = b"\xff\xff\xff\xff"  # RFC 919 7


def check_address(value: object) -> str:
    """Return an IP address in its canonical form, or a host name in lower case.

    Raises ``EntryError`` for anything else: multicast, broadcast and unspecified addresses, IPv4 in
    an IPv6 form that means the very same (mapped, translated, compatible), scopes, and whatever
    ends in a number without being an IPv4 address of four decimal parts.
    """
    if isinstance(value, str):
        if _is_plain_ipv4(value):
            return value
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            if _is_host_name(value):
                return value.lower()
        else:
            if why := _no_endpoint(address):
                raise EntryError(f"bad address {shown(value)}: {why}")
            return str(address)
    raise EntryError(f"bad address {shown(value)}: an IP address or a host name")


def is_host_name(address: str) -> bool:
    """Whether an address that ``check_address`` gave is a host name."""
    return ":" not in address and not address.rpartition(".")[2].isdigit()


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches ``address``; a host name counts as reachable."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _is_plain_ipv4(value: str) -> bool:
    """Whether ``value`` is a unicast IPv4 address as it is usually written: a quick look."""
    try:
        packed = socket.inet_pton(socket.AF_INET, value)
    except (OSError, ValueError):  # ValueError: a zero in the middle, or no ASCII
        return False
    return not 224 <= packed[0] < 240 and any(packed) and packed != _BROADCAST


def _no_endpoint(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Why nobody can be at ``address``, ``""`` if somebody can."""
    if address.is_unspecified:
        return "it stands for all addresses, and is none"
    if address.packed == _BROADCAST:
        return "it is the broadcast address"
    if address.is_multicast:
        return "it is a multicast address"
    if isinstance(address, ipaddress.IPv4Address):
        return ""
    if address.scope_id is not None:
        return "an address with a scope is one machine's own"
    inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    for network, what in _IPV4_INSIDE.items():
        if address in network and address != _LOOPBACK:
            return f"the {what} form of {inside}, which is written as such"
    return ""


def _is_host_name(value: str) -> bool:
    labels = value.split(".")
    return (
        0 < len(value) <= _MOST
        and all(_LABEL.fullmatch(label) for label in labels)
        and not _NUMBER.fullmatch(labels[-1])
    )
