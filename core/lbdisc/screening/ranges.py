"""Addresses that are no node's on another host, and what they are.

An operator has to name one of these networks, or a part of it, for anybody to be served there: all
of IPv4 is not enough. Where one is a part of another, the smaller one is what counts.
"""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network
METADATA = "an address at which a host asks its cloud for its secrets"
ORDINARY = ""  # a part of a special network that is not special
_RESERVED = "reserved by the IETF"

# Source of each: the IANA registries of special-purpose addresses for IPv4 and IPv6 and of the IPv6
# address space (2026-01), which name these RFCs; for metadata, the manuals of the clouds.
SPECIAL: Mapping[Network, str] = {
    ip_network(network): what
    for network, what in {
        "0.0.0.0/8": "of this network, which is no host",  # RFC 791 3.2
        "127.0.0.0/8": "a loopback address",  # RFC 1122 3.2.1.3
        "169.254.0.0/16": "a link-local address",  # RFC 3927
        "192.0.0.0/24": "an address of protocols",  # RFC 6890 2.1
        "240.0.0.0/4": "a reserved address",  # RFC 1112 4
        "100.100.100.200/32": METADATA,  # Alibaba
        "168.63.129.16/32": METADATA,  # Azure
        "169.254.0.23/32": METADATA,  # Tencent
        "169.254.42.42/32": METADATA,  # Scaleway
        "169.254.169.254/32": METADATA,  # Amazon, Azure, Google, OpenStack and others
        "169.254.170.2/32": METADATA,  # Amazon ECS
        "169.254.170.23/32": METADATA,  # Amazon EKS
        "192.0.0.192/32": METADATA,  # Oracle
        "::1/128": "a loopback address",  # RFC 4291 2.5.3
        "fe80::/10": "a link-local address",  # RFC 4291 2.5.6
        "fec0::/10": "a site-local address",  # RFC 3879
        "100::/64": "an address that is discarded",  # RFC 6666
        "64:ff9b::/96": ORDINARY,  # RFC 6052 2.1; the IPv4 address in it counts
        "64:ff9b:1::/48": "an IPv4 address behind a translator",  # RFC 8215
        "fd00:42::42/128": METADATA,  # Scaleway
        "fd00:c1::a9fe:a9fe/128": METADATA,  # Oracle
        "fd00:ec2::/32": METADATA,  # Amazon
        "fd20:ce::254/128": METADATA,  # Google
        # RFC 4291 2.4: all but 2000::/3, fc00::/7 and what is above.
        "::/8": _RESERVED,
        "100::/8": _RESERVED,
        "200::/7": _RESERVED,
        "400::/6": _RESERVED,
        "800::/5": _RESERVED,
        "1000::/4": _RESERVED,
        "4000::/2": _RESERVED,
        "8000::/2": _RESERVED,
        "c000::/3": _RESERVED,
        "e000::/4": _RESERVED,
        "f000::/5": _RESERVED,
        "f800::/6": _RESERVED,
        "fe00::/9": _RESERVED,
    }.items()
}
