"""Which addresses are allowed: a question of a few comparisons, however many networks there are."""

import socket
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network

from lbdisc.screening.embedded import embedded
from lbdisc.screening.ports import PortRules
from lbdisc.screening.ranges import SPECIAL, Network
from lbdisc.settings.tables import EndpointsSettings

_IPV4, _IPV6 = 4, 6
# Nobody is ever there, whatever the settings name: names may lead to them, too.
_NEVER: Sequence[tuple[Network, str]] = (
    (ip_network("0.0.0.0/32"), "no address"),
    (ip_network("224.0.0.0/4"), "a multicast address"),
    (ip_network("255.255.255.255/32"), "the broadcast address"),
    (ip_network("::/128"), "no address"),
    (ip_network("ff00::/8"), "a multicast address"),
)


@dataclass(frozen=True, slots=True)
class _Range:
    first: int
    last: int
    network: Network

    @classmethod
    def of(cls, network: Network) -> "_Range":
        return cls(int(network.network_address), int(network.broadcast_address), network)

    def within(self, other: "_Range") -> bool:
        return other.first <= self.first and self.last <= other.last


class AddressRules:
    """Those of one service. ``allow`` and ``deny`` say which settings they are."""

    def __init__(self, allow: tuple[str, Sequence[str]], deny: Sequence[tuple[str, str]]) -> None:
        self._parts = {
            version: _Parts(version, allow, [(key, ip_network(text)) for key, text in deny])
            for version in (_IPV4, _IPV6)
        }

    def why(self, address: str) -> str:
        """Why nobody is served at an IP ``address``, ``""`` if somebody may be."""
        if ":" not in address:
            packed = socket.inet_pton(socket.AF_INET, address)
            said = self._parts[_IPV4].said(int.from_bytes(packed, "big"))
            return f"{address} {said}" if said else ""
        number = int(IPv6Address(address))
        if said := self._parts[_IPV6].said(number):
            return f"{address} {said}"
        for inside in embedded(number):
            if said := self._parts[_IPV4].said(inside):
                return f"{address} leads to {IPv4Address(inside)}, which {said}"
        return ""


class _Parts:
    """All addresses of one version of IP in parts of which each is allowed or not as a whole."""

    def __init__(
        self, version: int, allow: tuple[str, Sequence[str]], deny: Sequence[tuple[str, Network]]
    ) -> None:
        self._key, texts = allow
        self._allow = [_Range.of(n) for n in map(ip_network, texts) if n.version == version]
        self._deny = [(key, _Range.of(n)) for key, n in deny if n.version == version]
        self._special = [
            (_Range.of(n), what) for n, what in SPECIAL.items() if n.version == version
        ]
        self._special.sort(key=lambda its: its[0].last - its[0].first)
        self._never = [(_Range.of(n), what) for n, what in _NEVER if n.version == version]
        known = (*self._special, *self._never)
        ranges = [*self._allow, *(its for _, its in self._deny), *(its for its, _ in known)]
        starts = {0, *(its.first for its in ranges), *(its.last + 1 for its in ranges)}
        self._starts = sorted(starts)
        self._says = [self._of(start) for start in self._starts]

    def said(self, address: int) -> str:
        return self._says[bisect_right(self._starts, address) - 1]

    def _of(self, address: int) -> str:
        for its, what in self._never:
            if its.first <= address <= its.last:
                return f"is {what}"
        for key, its in self._deny:
            if its.first <= address <= its.last:
                return f"is in {its.network}, which {key} names"
        listed = [its for its in self._allow if its.first <= address <= its.last]
        for its, what in self._special:
            if its.first <= address <= its.last:
                if not what or any(each.within(its) for each in listed):
                    break
                return f"is {what}: allowed only where {self._key} names {its.network}, or a part"
        return "" if listed else f"is in no network of {self._key}"


class Rules:
    """Those of all services."""

    def __init__(self, settings: EndpointsSettings) -> None:
        self._settings = settings
        self._services: dict[str, AddressRules] = {}
        self._others = self._of("")
        own = {name: its.ports for name, its in settings.services.items() if its.ports is not None}
        self._ports = {
            name: PortRules.of(f"endpoints.services.{name}.ports", ports)
            for name, ports in own.items()
        }
        self._other_ports = PortRules.of("endpoints.ports", settings.ports)

    def refuses_port(self, service: str, port: int) -> str:
        """Why nobody of ``service`` is served at ``port``, ``""`` if somebody may be."""
        return self._ports.get(service, self._other_ports).why(port)

    def why(self, service: str, address: str) -> str:
        """Why nobody of ``service`` is served at an IP ``address``, ``""`` if somebody may be."""
        rules = self._others
        if service in self._settings.services:
            rules = self._services.get(service) or self._services.setdefault(
                service, self._of(service)
            )
        return rules.why(address)

    def refuses_names(self, service: str) -> str:
        """The setting by which nobody of ``service`` may have a host name, ``""`` if they may."""
        own = self._settings.services.get(service)
        if own and own.hosts:
            return f"endpoints.services.{service}.hosts" if own.hosts == "refuse" else ""
        return "endpoints.hosts" if self._settings.hosts == "refuse" else ""

    def _of(self, service: str) -> AddressRules:
        allow = "endpoints.allow", self._settings.allow
        deny = [("endpoints.deny", network) for network in self._settings.deny]
        if own := self._settings.services.get(service):
            key = f"endpoints.services.{service}"
            allow = allow if own.allow is None else (f"{key}.allow", own.allow)
            deny += [(f"{key}.deny", network) for network in own.deny]
        return AddressRules(allow, deny)
